/** A bare loop of @grpc/grpc-js: so many unary calls at once, each again when it is answered. Prints its figures as one line of JSON. */
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [port, loops, warmMs, ms] = process.argv.slice(2).map(Number);
const file = fileURLToPath(new URL("greeter.proto", import.meta.url));
const { bench } = grpc.loadPackageDefinition(loader.loadSync(file));
const client = new bench.Greeter(`127.0.0.1:${port}`, grpc.credentials.createInsecure());

function ask(untilMs, times, done) {
  const askedMs = performance.now();
  client.Greet({ name: "ada", times: 7 }, (error) => {
    if (error) throw error;
    const now = performance.now();
    times.push(now - askedMs);
    if (now < untilMs) ask(untilMs, times, done);
    else done();
  });
}

async function load(forMs) {
  const times = [];
  const fromMs = performance.now();
  const spent = process.cpuUsage();
  const loop = () => new Promise((done) => ask(fromMs + forMs, times, done));
  await Promise.all(Array.from({ length: loops }, loop));
  const { system, user } = process.cpuUsage(spent);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(share * (times.length - 1))];
  const tookMs = performance.now() - fromMs;
  const busy = (system + user) / 1000 / tookMs;
  const perSecond = (times.length * 1000) / tookMs;
  return { perSecond, p50Ms: at(0.5), p99Ms: at(0.99), microseconds: (system + user) / times.length, busy };
}

await load(warmMs);
console.log(JSON.stringify(await load(ms)));
client.close();
