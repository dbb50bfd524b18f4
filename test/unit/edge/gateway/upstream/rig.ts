/** Raw servers that misbehave as a test says, and askers that remember what they heard. */
import type { Socket, TLSOptions } from "bun";
import type { Failure } from "../../../../../src/base/errors.ts";
import type {
  UpstreamCall,
  UpstreamEvents,
  UpstreamRequest,
  Upstreams,
} from "../../../../../src/edge/gateway/words/index.ts";
import type { BodySink, BodySource, HeaderList, RawStream, ReplyHead } from "../../../../../src/wire/http/index.ts";
import { until } from "../../../../support/until.ts";

/** One connection, as the server sees it. */
export class Peer {
  text = "";
  isOpen = true;
  readonly number: number;
  readonly #socket: Socket<Peer>;
  #waiting: Uint8Array = new Uint8Array(0);

  constructor(socket: Socket<Peer>, number: number) {
    this.#socket = socket;
    this.number = number;
  }

  /** Requests without a body that have come. */
  get requests(): number {
    return this.text.split("\r\n\r\n").length - 1;
  }

  write(data: string | Uint8Array): void {
    this.#waiting = Buffer.concat([this.#waiting, typeof data === "string" ? Buffer.from(data, "latin1") : data]);
    this.drain();
  }

  drain(): void {
    this.#waiting = this.#waiting.subarray(Math.max(0, this.#socket.write(this.#waiting)));
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.terminate();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

export interface RawServer extends Disposable {
  readonly port: number;
  readonly peers: readonly Peer[];
}

export interface RawServerOptions {
  readonly open?: (peer: Peer) => void;
  /** Bytes have come; all of them are in `peer.text`. */
  readonly data?: (peer: Peer) => void;
  readonly tls?: TLSOptions | undefined;
  readonly hostname?: string;
}

export function openServer({ data, hostname = "127.0.0.1", open, tls }: RawServerOptions): RawServer {
  const peers: Peer[] = [];
  const listener = Bun.listen<Peer>({
    hostname,
    port: 0,
    ...(tls && { tls }),
    socket: {
      open(socket) {
        socket.data = new Peer(socket, peers.length);
        peers.push(socket.data);
        open?.(socket.data);
      },
      data(socket, chunk) {
        socket.data.text += chunk.toString("latin1");
        data?.(socket.data);
      },
      drain: (socket) => socket.data.drain(),
      close(socket) {
        const peer = socket.data as Peer | undefined; // undefined: TLS never came about
        if (peer !== undefined) peer.isOpen = false;
      },
    },
  });
  return { port: listener.port, peers, [Symbol.dispose]: () => listener.stop(true) };
}

/** Answers each request that has come whole, without a body, with the same bytes. */
export function answering(reply: string): RawServerOptions {
  const answered = new Map<Peer, number>();
  return {
    data: (peer) => {
      for (let count = answered.get(peer) ?? 0; count < peer.requests; count++) {
        answered.set(peer, count + 1);
        peer.write(reply);
      }
    },
  };
}

/** The first request of each connection gets what `reply` does. */
export function once(reply: (peer: Peer) => void): RawServerOptions {
  const seen = new Set<Peer>();
  return {
    data: (peer) => {
      if (seen.has(peer) || peer.requests === 0) return;
      seen.add(peer);
      reply(peer);
    },
  };
}

export const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** What was heard of one request. */
export class Heard implements UpstreamEvents, BodySink {
  readonly informed: ReplyHead[] = [];
  head: ReplyHead | undefined;
  source: BodySource | undefined;
  stream: RawStream | undefined;
  text = "";
  trailers: HeaderList | undefined;
  isEnded = false;
  aborted: Failure | undefined;
  failure: Failure | undefined;
  isUnsent: boolean | undefined;
  /** Calls of `onOver`. */
  overs: (Failure | undefined)[] = [];
  /** The body is not started by itself. */
  isLazy = false;
  /** What `write` says. */
  takes = true;
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  call: UpstreamCall | undefined;

  onInform(head: ReplyHead): void {
    this.informed.push(head);
  }

  onReply(head: ReplyHead, body: BodySource): void {
    this.head = head;
    this.source = body;
    if (!this.isLazy) body.start(this);
  }

  onUpgrade(head: ReplyHead, stream: RawStream): void {
    this.head = head;
    this.stream = stream;
    if (!this.isLazy) stream.source.start(this);
  }

  onFailure(failure: Failure, isUnsent: boolean): void {
    this.failure = failure;
    this.isUnsent = isUnsent;
  }

  onOver(cause: Failure | undefined): void {
    this.overs.push(cause);
  }

  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString("latin1");
    return this.takes;
  }

  end(trailers?: HeaderList): void {
    this.isEnded = true;
    this.trailers = trailers;
  }

  abort(cause: Failure): void {
    this.aborted = cause;
  }

  get isDone(): boolean {
    return this.isEnded || this.aborted !== undefined || this.failure !== undefined;
  }

  async done(): Promise<this> {
    await until("the reply is over", () => this.isDone);
    return this;
  }
}

export interface AskOptions extends Partial<Omit<UpstreamRequest, "head" | "origin">> {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: HeaderList;
  readonly protocol?: string;
  readonly host?: string;
  readonly scheme?: UpstreamRequest["origin"]["scheme"];
  readonly isLazy?: boolean;
}

export function request(port: number, options: AskOptions = {}): UpstreamRequest {
  const {
    headers = [],
    host = "127.0.0.1",
    method = "GET",
    protocol,
    scheme = "http",
    target = "/",
    ...rest
  } = options;
  return {
    origin: { scheme, host, port },
    head: { method, target, scheme: "http", authority: "example.org", headers, version: "1.1", protocol },
    timeouts: { connectMs: 5_000 },
    ...rest,
  };
}

export function ask(upstreams: Upstreams, port: number, options: AskOptions = {}): Heard {
  const heard = new Heard();
  heard.isLazy = options.isLazy ?? false;
  heard.call = upstreams.ask(request(port, options), heard);
  return heard;
}

/** A body that a test feeds. */
export class FedBody implements BodySource {
  readonly length: number | undefined;
  sink: BodySink | undefined;
  cancelled: Failure | undefined;
  /** Times that the sink wanted more. */
  readies = 0;

  constructor(length?: number) {
    this.length = length;
  }

  start(sink: BodySink): void {
    this.sink = sink;
    sink.onReady = () => {
      this.readies++;
    };
    sink.onCancel = (cause) => this.cancel(cause);
  }

  cancel(cause: Failure): void {
    this.cancelled = cause;
  }
}

/** The code of what it fails with. */
export function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (thrown) {
    return (thrown as Failure).code;
  }
}
