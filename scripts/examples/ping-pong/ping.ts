/** Sends pings to pong and waits for its pongs, then asks it one question: `distributed_system exec …/ping.ts [count] [alias] [pong's alias]`. */
import { Node } from "distributed-system/node";

const [count = "5", alias = "ping", other = "pong"] = process.argv.slice(2);
const node = await Node.start({ alias, mailbox: { maxSize: 1_000, overflow: "drop-newest" } });

const pongs = Promise.withResolvers<void>();
let received = 0;
node.onMessage((message) => {
  received++;
  node.logger.info(`pong ${(message as { n: number }).n}`);
  if (received === Number(count)) pongs.resolve();
});

for (let n = 1; n <= Number(count); n++) await node.send(other, { n });
await pongs.promise;
console.log(await node.call(other, "are you there?", { timeoutMs: 2_000 }));
console.log(`${received} pongs`);
await node.stop();
