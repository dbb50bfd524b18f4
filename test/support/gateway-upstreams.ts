/**
 * Upstreams behind gateways under test. `RecordingUpstream` keeps every byte it got and reads them in the dumbest way, so that whatever a
 * gateway let through is seen; `webUpstream` answers as usual servers do.
 */
import type { Socket } from "bun";
import { until } from "./until.ts";

const HEAD_END = "\r\n\r\n";

export interface RecordedRequest {
  readonly line: string;
  /** In lower case, as they came. */
  readonly fields: readonly string[];
  readonly body: string;
  /** Fields behind the last chunk. */
  readonly trailers: readonly string[];
}

interface Peer {
  waiting: string;
}

/** Answers each request with 200 and `ok`, unless told otherwise. */
export class RecordingUpstream implements Disposable {
  readonly requests: RecordedRequest[] = [];
  /** All bytes of all connections, latin1. */
  bytes = "";
  /** What is answered, whole. */
  reply: (request: RecordedRequest) => string = () => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
  /** Closes behind each reply. */
  cuts = false;
  readonly #server;

  constructor() {
    this.#server = Bun.listen<Peer>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(socket) {
          socket.data = { waiting: "" };
        },
        data: (socket, chunk) => this.#heard(socket, chunk),
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the nth got, once it is there. */
  async got(count: number): Promise<RecordedRequest> {
    await until(`the upstream has got ${count} requests`, () => this.requests.length >= count);
    return this.requests[count - 1]!;
  }

  forget(): void {
    this.requests.length = 0;
    this.bytes = "";
  }

  #heard(socket: Socket<Peer>, chunk: Buffer): void {
    const text = chunk.toString("latin1");
    this.bytes += text;
    socket.data.waiting += text;
    for (;;) {
      const found = readRequest(socket.data.waiting);
      if (found === undefined) return;
      socket.data.waiting = socket.data.waiting.slice(found.size);
      this.requests.push(found.request);
      socket.write(Buffer.from(this.reply(found.request), "latin1"));
      if (this.cuts) socket.end();
    }
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
  }
}

function readRequest(text: string): { readonly request: RecordedRequest; readonly size: number } | undefined {
  const end = text.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const [line = "", ...rest] = text.slice(0, end).split("\r\n");
  const fields = rest.map((field) => field.toLowerCase());
  const from = end + HEAD_END.length;
  const length = fields.find((field) => field.startsWith("content-length:"))?.slice("content-length:".length);
  if (fields.some((field) => field.startsWith("transfer-encoding:"))) {
    const chunked = readChunks(text, from);
    return chunked && { request: { line, fields, ...chunked }, size: chunked.end };
  }
  const size = from + Number(length ?? 0);
  if (text.length < size) return undefined;
  return { request: { line, fields, body: text.slice(from, size), trailers: [] }, size };
}

function readChunks(text: string, from: number) {
  let body = "";
  for (let at = from; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) {
      const end = text.indexOf(HEAD_END, lineEnd);
      if (end < 0) return undefined;
      const trailers = text
        .slice(lineEnd, end)
        .split("\r\n")
        .filter((field) => field !== "");
      return { body, trailers, end: end + HEAD_END.length };
    }
    at = lineEnd + 2 + size + 2;
    if (text.length < at) return undefined;
    body += text.slice(lineEnd + 2, at - 2);
  }
}

const PIECE_BYTES = 64 * 1024;

/** A usual server; what happened to it is counted. */
export class WebUpstream implements AsyncDisposable {
  requests = 0;
  /** Without `/healthz`. */
  asked = 0;
  /** Bodies that came whole, and their bytes. */
  received = 0;
  /** Requests whose client went before the end. */
  gone = 0;
  /** Downloads that were cut before their end. */
  cut = 0;
  /** Requests that wait at `/hold` now, and what lets them go. */
  held = 0;
  #release = Promise.withResolvers<void>();
  #server: Bun.Server<undefined>;

  constructor(port = 0) {
    this.#server = this.#serve(port);
  }

  #serve(port: number): Bun.Server<undefined> {
    return Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: 0,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: (request, server) => this.#answer(request, server),
      websocket: {
        message: (socket, message) => void socket.send(message),
      },
    });
  }

  get port(): number {
    return this.#server.port!;
  }

  get authority(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.authority}`;
  }

  /** Whoever waits at `/hold` is answered. */
  release(): void {
    this.#release.resolve();
    this.#release = Promise.withResolvers();
  }

  /** As if it had been killed: connections are cut. */
  async stop(): Promise<number> {
    const { port } = this;
    await this.#server.stop(true);
    return port;
  }

  again(port: number): void {
    this.#server = this.#serve(port);
  }

  async #answer(request: Request, server: Bun.Server<undefined>): Promise<Response | undefined> {
    this.requests++;
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/healthz") this.asked++;
    if (pathname === "/ws") return server.upgrade(request) ? undefined : new Response("no WebSocket", { status: 400 });
    request.signal.addEventListener("abort", () => void this.gone++);
    if (pathname === "/upload") return this.#upload(request);
    if (pathname === "/download") return this.#download(searchParams);
    if (pathname === "/hold") return this.#hold();
    if (pathname === "/events") return events();
    if (pathname === "/never") return new Promise(() => {});
    if (pathname === "/status") return new Response("as asked", { status: Number(searchParams.get("code")) });
    return Response.json({ method: request.method, path: pathname, headers: Object.fromEntries(request.headers) });
  }

  #download(query: URLSearchParams): Response {
    const bytes = Number(query.get("bytes"));
    const pieces = patternOf(bytes);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const { value } = pieces.next();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      cancel: () => void this.cut++,
    });
    return new Response(body, { headers: query.has("chunked") ? {} : { "content-length": String(bytes) } });
  }

  async #upload(request: Request): Promise<Response> {
    let bytes = 0;
    const hash = new Bun.CryptoHasher("sha1");
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength;
      hash.update(chunk);
    }
    this.received += bytes;
    return Response.json({ bytes, sha1: hash.digest("hex") });
  }

  async #hold(): Promise<Response> {
    this.held++;
    await this.#release.promise;
    this.held--;
    return new Response("let go");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

/** Bytes that are different everywhere; the same for the same size. */
export function* patternOf(bytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const words = new Uint32Array(PIECE_BYTES / 4);
    for (let word = 0; word < words.length; word++) words[word] = Math.imul(at / 4 + word, 0x9e3779b1);
    yield new Uint8Array(words.buffer, 0, Math.min(PIECE_BYTES, bytes - at));
  }
}

/** One event, and then silence until the client goes. */
function events(): Response {
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(Buffer.from("data: first\n\n")),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
