/** An HTTP source as its tests use it: on a port of its own, with a spool that goes away, read into memory. */
import { connect } from "node:net";
import { type Clock, systemClock } from "../../../../../../src/base/clock.ts";
import { createSource, type Source, type SourcePosition } from "../../../../../../src/work/pipeline/source/index.ts";
import { environment, type ReadCut, readAll, TestDirectory } from "../support.ts";

export interface Opened extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly source: Source;
  post(body: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** So many batches. */
  read(cuts: number, rows?: number): Promise<ReadCut[]>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface OpenOptions {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly position?: SourcePosition | undefined;
  readonly variables?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

export const NDJSON = { "content-type": "application/x-ndjson" };
export const JSON_TYPE = { "content-type": "application/json" };

export async function openHttp(directory: TestDirectory, options: OpenOptions = {}): Promise<Opened> {
  const { clock = systemClock, params = {}, position, variables = {} } = options;
  const listening = Promise.withResolvers<string>();
  const more = { clock, stateDirectory: directory.path, variables, listening: listening.resolve };
  const source = createSource("http", { listen: "127.0.0.1:0", path: "/orders", ...params }, environment(more));
  try {
    await source.open(position);
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
  const url = await listening.promise;
  return {
    url,
    port: Number(new URL(url).port),
    source,
    post: (body, headers = {}) => post(url, body, { ...NDJSON, ...headers }),
    read: (cuts, rows = 1000) => readAll(source, { cuts, limits: { rows, bytes: 1 << 16 } }),
    [Symbol.asyncDispose]: () => source.close(),
  };
}

export async function post(
  url: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const init = { method: "POST", body: body as string, headers, proxy: "", tls: { rejectUnauthorized: false } };
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
}

/** What comes back on a connection of its own until its end; `steps` are written one behind the other. The first answer is enough. */
export function exchange(port: number, steps: readonly (string | "end")[]): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
      socket.end();
    });
    socket.on("error", () => {}); // its end is looked at
    socket.on("close", () => resolve(answer));
    for (const step of steps) {
      if (step === "end") socket.end();
      else socket.write(step);
    }
  });
}

export interface Begun {
  /** What comes back, the end of the connection included. */
  readonly answer: Promise<string>;
  /** Goes away without a word. */
  destroy(): void;
}

/** A request of which the server has seen the head, and whose body does not come to its end. */
export async function begin(port: number, head: string): Promise<Begun> {
  const seen = Promise.withResolvers<void>();
  const over = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect(port, "127.0.0.1");
  socket.on("data", (bytes) => {
    answer += bytes.toString("latin1").replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, "");
    seen.resolve();
  });
  socket.on("error", () => {}); // its end is looked at
  socket.on("close", () => over.resolve(answer));
  socket.write(`${head}expect: 100-continue\r\ncontent-length: 100\r\n\r\nbegin`);
  await seen.promise;
  return { answer: over.promise, destroy: () => socket.destroy() };
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

export { TestDirectory };
