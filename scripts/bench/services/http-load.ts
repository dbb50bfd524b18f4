/** Load over HTTP: wrk where it is installed, which takes least from the server's processors, else so many loops of fetch in a process of their own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { askFor, type Figures } from "../common/figures.ts";
import { resultOf } from "../raft/contestant.ts";

export interface HttpWork {
  readonly url: string;
  readonly body: unknown;
  readonly token: string | undefined;
  readonly connections: number;
  readonly ms: number;
}

export interface HttpFigures extends Figures {
  /** Seconds are all that wrk knows. */
  readonly tookMs: number;
}

const MS_PER_SECOND = 1000;
const MICROSECONDS_PER_MS = 1000;

export const HAS_WRK = Bun.which("wrk") !== null;

export async function loadOverHttp(work: HttpWork, directory: string): Promise<HttpFigures> {
  if (HAS_WRK) return await wrk(work, directory);
  return await resultOf<HttpFigures>([process.execPath, import.meta.path, JSON.stringify(work)]);
}

interface WrkSummary {
  readonly requests: number;
  readonly microseconds: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
}

async function wrk(work: HttpWork, directory: string): Promise<HttpFigures> {
  const script = join(directory, "load.lua");
  writeFileSync(script, luaOf(work));
  const seconds = Math.max(1, Math.round(work.ms / MS_PER_SECOND));
  const words = ["wrk", "-t", "1", "-c", String(work.connections), "-d", `${seconds}s`, "-s", script, work.url];
  const child = Bun.spawn(words, { stdio: ["ignore", "ignore", "pipe"] });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`wrk: ${said}`);
  const { failed, microseconds, p50, p99, requests } = JSON.parse(said) as WrkSummary; // by the script below
  if (failed > 0) throw new Error(`${failed} of ${requests} requests to ${work.url} failed`);
  return {
    perSecond: (requests * 1e6) / microseconds,
    p50Ms: p50 / MICROSECONDS_PER_MS,
    p99Ms: p99 / MICROSECONDS_PER_MS,
    tookMs: microseconds / MICROSECONDS_PER_MS,
  };
}

function luaOf({ body, token }: HttpWork): string {
  const text = JSON.stringify(JSON.stringify(body));
  return `
wrk.method = "POST"
wrk.body = ${text}
wrk.headers["content-type"] = "application/json"
${token === undefined ? "" : `wrk.headers["authorization"] = "Bearer ${token}"`}
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.stderr:write(string.format('{"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d}',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
`;
}

if (import.meta.main) {
  const { body, connections, ms, token, url } = JSON.parse(process.argv[2]!) as HttpWork; // by the function above
  const headers = {
    "content-type": "application/json",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const text = JSON.stringify(body);
  const ask = async (): Promise<void> => {
    const answer = await fetch(url, { method: "POST", headers, body: text });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    await answer.arrayBuffer();
  };
  const fromMs = performance.now();
  const figures = await askFor(ms, connections, ask);
  console.log(JSON.stringify({ ...figures, tookMs: performance.now() - fromMs } satisfies HttpFigures));
}
