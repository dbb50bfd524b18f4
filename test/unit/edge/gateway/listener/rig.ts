/** A listener on a free port with a clock that tests move, and clients that send bytes as they are. */
import type { Socket } from "bun";
import type { Failure } from "../../../../../src/base/errors.ts";
import {
  type Listener,
  type ListenerFault,
  type ListenerOptions,
  type ListenerSettings,
  openListener,
} from "../../../../../src/edge/gateway/listener/index.ts";
import type { Exchange } from "../../../../../src/edge/gateway/words/index.ts";
import { type BodySink, type HeaderList, headerOf } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";

export const SETTINGS: ListenerSettings = {
  headerBytesMax: 4_096,
  headersMax: 20,
  targetBytesMax: 1_024,
  headTimeoutMs: 10_000,
  bodyIdleMs: 20_000,
  bytesPerSecondMin: 100,
  keepAliveMs: 60_000,
  requestsPerConnectionMax: 1_000,
  connectionsMax: 1_000,
  connectionsPerAddressMax: 1_000,
  streamsMax: 100,
};

/** By a clock that nobody has moved. */
export const DATE = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

export interface Rig extends AsyncDisposable {
  readonly listener: Listener;
  readonly clock: SteppedClock;
  readonly faults: ListenerFault[];
  readonly exchanges: Exchange[];
}

/** Without `handle` exchanges only gather. */
export function listen(
  options: Partial<Omit<ListenerOptions, "settings">> & { readonly settings?: Partial<ListenerSettings> } = {},
): Rig {
  const clock = new SteppedClock();
  const faults: ListenerFault[] = [];
  const exchanges: Exchange[] = [];
  const listener = openListener({
    host: "127.0.0.1",
    port: 0,
    clock,
    onFault: (fault) => faults.push(fault),
    ...options,
    settings: { ...SETTINGS, ...options.settings },
    handle: (exchange) => {
      exchanges.push(exchange);
      options.handle?.(exchange);
    },
  });
  const close = async (): Promise<void> => {
    const closing = listener.close(0);
    clock.advance(0);
    await closing;
  };
  return { listener, clock, faults, exchanges, [Symbol.asyncDispose]: close };
}

export class RawClient implements AsyncDisposable {
  text = "";
  isClosed = false;
  /** The server has said that it sends no more. */
  isEnded = false;
  #socket!: Socket;

  static async connect(port: number, tls?: Readonly<Record<string, unknown>>): Promise<RawClient> {
    const client = new RawClient();
    const opened = Promise.withResolvers<void>();
    client.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      ...(tls && { tls }),
      socket: {
        open: () => opened.resolve(), // with TLS behind the handshake, the promise of connect() before it
        data: (_, bytes) => {
          client.text += bytes.toString("latin1");
        },
        end: () => {
          client.isEnded = true;
        },
        close: () => {
          client.isClosed = client.isEnded = true;
        },
        error: () => {},
      },
    });
    await opened.promise;
    return client;
  }

  /** `^` stands for CRLF. */
  send(text: string): this {
    return this.sendBytes(Buffer.from(text.replaceAll("^", "\r\n"), "latin1"));
  }

  /** As much as the system takes. */
  sendBytes(bytes: Uint8Array): this {
    this.#socket.write(bytes);
    return this;
  }

  trySend(bytes: Uint8Array): number {
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says that nothing more comes. */
  finish(): void {
    this.#socket.shutdown();
  }

  cut(): void {
    this.#socket.terminate();
  }

  async says(part: string): Promise<string> {
    await until(`the client reads ${JSON.stringify(part)}`, () => this.text.includes(part), 5_000).catch((thrown) => {
      throw new Error(`${thrown.message}; so far ${JSON.stringify(this.text.slice(0, 500))}`);
    });
    return this.text;
  }

  async ended(): Promise<string> {
    await until(`the server ends, after ${JSON.stringify(this.text.slice(0, 200))}`, () => this.isEnded, 5_000);
    return this.text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
  }
}

/** What a sink was given. */
export class RecordingSink implements BodySink {
  text = "";
  size = 0;
  isEnded = false;
  trailers: HeaderList | undefined;
  aborted: Failure | undefined;
  /** Takes it, and says that it is enough. */
  isFull = false;
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;

  write(chunk: Uint8Array): boolean {
    this.size += chunk.byteLength;
    if (this.text.length < 10_000) this.text += Buffer.from(chunk).toString("latin1");
    return !this.isFull;
  }

  end(trailers?: HeaderList): void {
    this.isEnded = true;
    this.trailers = trailers;
  }

  abort(cause: Failure): void {
    this.aborted = cause;
  }
}

/** Answers with what was asked: method, target, and the body. */
export function echo(exchange: Exchange): void {
  const { method, target } = exchange.request;
  const reply = exchange.respond({ status: 200, headers: ["x-asked", `${method} ${target}`] });
  exchange.body.start(reply);
}

export function sayOk(exchange: Exchange): void {
  exchange.send({ status: 200, headers: [] }, Buffer.from(`ok ${exchange.request.target}`));
}

/** Of the fields that came. */
export function asked(exchange: Exchange | undefined, name: string): string | undefined {
  return exchange && headerOf(exchange.request.headers, name);
}

export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
