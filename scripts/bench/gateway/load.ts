/**
 * Loads in programs that take little from the processor beside the upstream: wrk asks as fast as it is answered, h2load at a rate, so that
 * times are not those of a full queue. A reply other than 2xx ends the benchmark.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Figures, figuresOf } from "../common/figures.ts";
import { newName, pinned, type Site } from "./site.ts";

export interface Asking {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A POST with it; a GET without. */
  readonly body?: string;
  readonly connections: number;
  readonly ms: number;
}

const MS_PER_SECOND = 1_000;
const MICROSECONDS_PER_MS = 1_000;

interface WrkSummary {
  readonly requests: number;
  readonly microseconds: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
}

export async function fullLoad(site: Site, asking: Asking): Promise<Figures> {
  const script = join(site.directory, `${newName("wrk")}.lua`);
  writeFileSync(script, luaOf(asking));
  const { connections, url } = asking;
  const said = await outputOf(
    ["wrk", "-t", "1", "-c", String(connections), "-d", secondsOf(asking), "-s", script, url],
    "stderr",
  );
  const { failed, microseconds, p50, p99, requests } = JSON.parse(said) as WrkSummary; // by the script below
  if (requests === 0) throw new Error(`${url} has answered nothing`);
  if (failed > 0) throw new Error(`${failed} of ${requests} requests to ${url} failed`);
  return {
    perSecond: (requests * 1e6) / microseconds,
    p50Ms: p50 / MICROSECONDS_PER_MS,
    p99Ms: p99 / MICROSECONDS_PER_MS,
  };
}

/** So many a second over all connections, whether or not the ones before have been answered. */
export async function ratedLoad(site: Site, asking: Asking & { readonly perSecond: number }): Promise<Figures> {
  const { body, connections, headers = {}, perSecond, url } = asking;
  const name = join(site.directory, newName("h2load"));
  if (body !== undefined) writeFileSync(`${name}.body`, body);
  const words = ["h2load", "--h1", "-t", "1", "-c", String(connections), "-D", secondsOf(asking).slice(0, -1)];
  const rate = ["--rps", String(perSecond / connections), "--log-file", `${name}.log`];
  const fields = Object.entries(headers).flatMap(([field, value]) => ["-H", `${field}: ${value}`]);
  await outputOf([...words, ...rate, ...fields, ...(body === undefined ? [] : ["-d", `${name}.body`]), url], "stdout");
  return figuresFrom(`${name}.log`, url);
}

/** A line for each request: when it began, its status, how long it took, in microseconds. */
function figuresFrom(path: string, url: string): Figures {
  const times: number[] = [];
  let firstUs = Number.POSITIVE_INFINITY;
  let lastUs = 0;
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (line === "") continue;
    const [startedUs, status, tookUs] = line.split("\t").map(Number) as [number, number, number];
    if (status < 200 || status > 299) throw new Error(`${url} was answered with ${status}`);
    times.push(tookUs / MICROSECONDS_PER_MS);
    firstUs = Math.min(firstUs, startedUs);
    lastUs = Math.max(lastUs, startedUs + tookUs);
  }
  if (times.length === 0) throw new Error(`${url} has answered nothing`);
  return figuresOf(times, (lastUs - firstUs) / MICROSECONDS_PER_MS);
}

function secondsOf({ ms }: Asking): string {
  return `${Math.max(1, Math.round(ms / MS_PER_SECOND))}s`;
}

async function outputOf(argv: readonly string[], from: "stdout" | "stderr"): Promise<string> {
  const child = Bun.spawn([...pinned("load"), ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${argv[0]}: ${stderr || stdout}`);
  return from === "stdout" ? stdout : stderr;
}

function luaOf({ body, headers = {} }: Asking): string {
  const fields = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = ${JSON.stringify(value)}`);
  const post = body === undefined ? [] : ['wrk.method = "POST"', `wrk.body = ${luaString(body)}`];
  return `
${[...post, ...fields].join("\n")}
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.stderr:write(string.format('{"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d}',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
`;
}

/** Each byte as its number: Lua has other escapes than JSON. */
function luaString(text: string): string {
  return `"${Array.from(Buffer.from(text), (byte) => `\\${String(byte).padStart(3, "0")}`).join("")}"`;
}
