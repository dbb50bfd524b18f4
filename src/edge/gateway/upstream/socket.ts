/**
 * A Bun socket as a `SocketPort`: what the system does not take at once is kept, in order, and sent when it drains. One set of handlers
 * serves all sockets; which connection a call is for stands in the socket's data.
 */
import type { Socket, SocketHandler } from "bun";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import { heldBytes } from "../../../wire/http/index.ts";
import type { SocketPort, SocketUser } from "./connection.ts";
import { ENDING_SECONDS, SOCKET_WAITING_BYTES } from "./limits.ts";

/** Who waits for the connection to be made. */
export interface Opening {
  /** Where it is not verified, `problem` says why. */
  opened(socket: BunSocket, isVerified: boolean, problem: string): void;
  failed(socket: BunSocket, why: string): void;
}

export class BunSocket implements SocketPort {
  user: SocketUser | undefined;
  /** Until it is open. */
  #opening: Opening | undefined;
  readonly #isTls: boolean;
  readonly #onDefect: (failure: Failure) => void;
  #socket: Socket<BunSocket> | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #takenBytes = 0;
  #isEnding = false;
  #isClosed = false;
  /** A write has said false. */
  #owesDrain = false;

  /** Not connected yet: that is what `Bun.connect` does with `SOCKET_HANDLERS` and this as its data. */
  constructor(opening: Opening, isTls: boolean, onDefect: (failure: Failure) => void = () => {}) {
    this.#opening = opening;
    this.#isTls = isTls;
    this.#onDefect = onDefect;
  }

  /** What ALPN has agreed on. */
  get protocol(): string | undefined {
    return this.#socket?.alpnProtocol || undefined;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Bytes that the system has taken since the beginning: the other side may have seen all of them. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isEnding) return true;
    if (this.#waitingBytes > 0) return this.#keep(heldBytes(bytes));
    const taken = this.#hand(bytes);
    return taken === bytes.byteLength || this.#keep(heldBytes(bytes.subarray(taken)));
  }

  /** Like `write`, but the bytes stay the caller's: what has to wait is copied. */
  writeBorrowed(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isEnding) return true;
    const taken = this.#waitingBytes > 0 ? 0 : this.#hand(bytes);
    // No `slice`: that of a Buffer does not copy.
    return taken === bytes.byteLength || this.#keep(new Uint8Array(bytes.subarray(taken)));
  }

  pause(): void {
    if (!this.#isClosed) this.#socket!.pause();
  }

  resume(): void {
    if (!this.#isClosed) this.#socket!.resume();
  }

  end(): void {
    this.user = undefined;
    this.#isEnding = true;
    if (this.#isClosed) return;
    if (this.#waitingBytes === 0) this.#socket!.end();
    else this.#socket!.timeout(ENDING_SECONDS);
  }

  destroy(): void {
    this.user = undefined;
    if (this.#isEnding && this.#waitingBytes > 0) return; // that is sent first, or its time is over
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#opening = undefined;
    if (!this.#isClosed) this.#socket?.terminate();
    this.#isClosed = true;
  }

  /** The system takes more. */
  drained(): void {
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const first = this.#waiting[0]!;
      const taken = this.#hand(first);
      this.#waitingBytes -= taken;
      if (taken < first.byteLength) {
        this.#waiting[0] = heldBytes(first.subarray(taken));
        return;
      }
      this.#waiting.shift();
    }
    if (this.#isEnding && !this.#isClosed) this.#socket!.end();
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    this.user?.onDrain();
  }

  /** The other side is gone, or sends no more: for HTTP that is the same. */
  closed(cause: Failure | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { user } = this;
    this.user = undefined;
    user?.onClosed(cause); // it may ask how much was never sent
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.failed(cause === undefined ? "it was closed" : cause.message);
  }

  /** A part of ours has thrown while it was told something: that costs this connection, and is no word of the upstream. */
  broke(thrown: unknown): void {
    const socket = this.#socket;
    const message = `speaking to an upstream: a part of the gateway has failed: ${messageOf(thrown)}`;
    const failure = new Failure("gateway.defect", message, { cause: thrown });
    this.#onDefect(failure);
    this.closed(failure);
    socket?.terminate();
  }

  connected(socket: Socket<BunSocket>): void {
    this.#socket = socket;
    if (this.#isClosed) socket.terminate();
    else if (!this.#isTls) this.#open(true, "");
  }

  secured(problem: Error | null): void {
    this.#open(this.#socket?.authorized === true, problem?.message ?? "it is not trusted");
  }

  /** The other side does not take what was to be sent before the end. */
  overdue(): void {
    if (!this.#isEnding) return;
    this.#isEnding = false;
    this.destroy();
  }

  /** It was never open. */
  failed(why: string): void {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#isClosed = true;
    opening?.failed(this, why);
  }

  /** Whoever opens a socket uses it at once: without a user it has been given up. */
  received(chunk: Uint8Array): void {
    this.user?.onBytes(chunk);
  }

  #open(isVerified: boolean, problem: string): void {
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.opened(this, isVerified, problem);
  }

  /** Gives back how many the system has taken. */
  #hand(bytes: Uint8Array): number {
    const taken = Math.max(0, this.#socket!.write(bytes)); // below 0: it is closed, and says so by itself
    this.#takenBytes += taken;
    return taken;
  }

  #keep(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    if (this.#waitingBytes < SOCKET_WAITING_BYTES) return true;
    this.#owesDrain = true;
    return false;
  }
}

/** What one of these throws comes to `error`, as does the runtime's own word (with a code) for a connection that broke. */
export const SOCKET_HANDLERS: SocketHandler<BunSocket> = {
  binaryType: "buffer",
  open: (socket) => socket.data.connected(socket),
  handshake: (socket, _ok, problem) => socket.data.secured(problem),
  data: (socket, chunk: Uint8Array) => socket.data.received(chunk),
  drain: (socket) => socket.data.drained(),
  end: (socket) => socket.data.closed(undefined),
  close: (socket, error) => socket.data.closed(error && toFailure(error, "gateway.upstream_closed")),
  error: (socket, error) => {
    if ("code" in error && !(error instanceof Failure)) socket.data.closed(toFailure(error, "gateway.upstream_closed"));
    else socket.data.broke(error);
  },
  timeout: (socket) => socket.data.overdue(),
  connectError: (socket, error) => socket.data.failed(error.message),
};
