/**
 * A socket of the runtime as a port: it takes all bytes, keeps those that the system did not take, and says when it is enough. Behind the
 * last byte it closes so that the client gets to read it: it says that nothing more comes, and reads what the client still sends
 * for a while, unheard; a close with unread bytes would be a reset, and take the reply with it.
 */
import { Failure } from "../../../base/errors.ts";
import { heldBytes } from "../../../wire/http/index.ts";
import type { Peer } from "../words/index.ts";
import { defect } from "./client-faults.ts";
import type { SocketPort, SocketUser } from "./connection.ts";
import { CORKED_PIECE_BYTES_MAX, type Cork, type Corked } from "./cork.ts";

/** Of a socket of the runtime, what is used here; plain ones and those with TLS have it. */
export interface RuntimeSocket {
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  pause(): void;
  resume(): void;
  shutdown(): void;
  end(): void;
  terminate(): void;
}

/** Behind the last byte a client may be silent this long before the connection is closed. */
const LINGER_MS = 2_000;
/** And send this long: some read a reply only when they have sent their whole body. */
const LINGER_MS_MAX = 30_000;

type State = "open" | "ending" | "lingering" | "closed";

export interface PortOwner {
  readonly cork: Cork;
  now(): number;
  note(dueMs: number): void;
  /** A client takes at least that many bytes in that time, or it is cut off. */
  readonly pace: { readonly bytes: number; readonly ms: number };
  onGone(port: ClientPort): void;
  /** A user has thrown; by then it is the user no more. */
  onDefect(port: ClientPort, failure: Failure): void;
}

export class ClientPort implements SocketPort, Corked {
  /** Who speaks here; set right behind the constructor. */
  user: SocketUser | undefined;
  readonly peer: Peer;
  sentBytes = 0;
  waitingBytes = 0;
  readonly #socket: RuntimeSocket;
  readonly #owner: PortOwner;
  readonly #waiting: Uint8Array[] = [];
  #state: State = "open";
  #isPaused = false;
  /** Something had to wait: whoever writes is told when it is sent. */
  #owesDrain = false;
  /** Sent, when it was last looked whether the client takes what is left for it. */
  #sentAtCheck = 0;
  #lingerUntilMs = Number.POSITIVE_INFINITY;
  #lingerEndMs = Number.POSITIVE_INFINITY;

  constructor(socket: RuntimeSocket, owner: PortOwner, peer: Peer) {
    this.#socket = socket;
    this.#owner = owner;
    this.peer = peer;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== "open") return true;
    if (this.waitingBytes > 0) this.#keep(bytes.byteLength <= CORKED_PIECE_BYTES_MAX ? new Uint8Array(bytes) : bytes);
    else if (!this.#owner.cork.put(this, bytes)) this.#send(bytes, bytes.byteLength, false);
    return this.waitingBytes === 0;
  }

  sendCorked(bytes: Uint8Array, size: number): void {
    this.#send(bytes, size, true);
  }

  pause(): void {
    if (this.#isPaused || this.#state !== "open") return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#owner.cork.flushOf(this);
    if (this.#state !== "open") return; // the write has shown that the client is gone
    this.user = undefined;
    this.#state = "ending";
    this.resume();
    if (this.waitingBytes === 0) return this.#linger();
    this.#sentAtCheck = this.sentBytes;
    this.#lingerUntil(this.#owner.now() + this.#owner.pace.ms);
  }

  destroy(): void {
    if (this.#state === "open") this.#owner.cork.flushOf(this); // what was said before is sent, as it would have been without the cork
    if (this.#state === "closed") return;
    this.user = undefined;
    this.#state = "closed";
    this.#socket.terminate();
    this.#owner.onGone(this);
  }

  // What the runtime calls.

  received(bytes: Uint8Array): void {
    if (this.#state === "open") {
      try {
        this.user?.onBytes(bytes);
      } catch (thrown) {
        this.broke(thrown);
      }
      return;
    }
    if (this.#state === "lingering") this.#lingerUntilMs = Math.min(this.#owner.now() + LINGER_MS, this.#lingerEndMs);
  }

  drained(): void {
    if (this.#state === "closed") return;
    while (this.waitingBytes > 0) if (!this.#sendWaiting()) return;
    if (this.#state === "ending") return this.#linger();
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    try {
      this.user?.onDrain();
    } catch (thrown) {
      this.broke(thrown);
    }
  }

  /** The client sends no more. A client that does so while a request is under way is taken for gone: there is no way to tell. */
  ended(): void {
    if (this.#state === "open") this.#owner.cork.flushOf(this);
    if (this.#state === "open" && this.waitingBytes > 0 && this.user?.isBetween) return this.end();
    if (this.#state === "ending" && this.waitingBytes > 0) return;
    this.#leave();
  }

  /** No reset: what the system has taken reaches a client that is slow to read it after this process has let go of the connection. */
  #leave(): void {
    this.#socket.end();
    this.closed(undefined);
  }

  closed(cause: Failure | undefined): void {
    if (this.#state === "closed") return;
    const user = this.user;
    this.user = undefined;
    this.#state = "closed";
    this.#owner.onGone(this);
    this.#tellClosed(user, cause);
  }

  /** A defect of ours, while somebody spoke here: the connection is given up, the process lives on. */
  broke(thrown: unknown): void {
    const { user } = this;
    const failure = defect(thrown);
    this.destroy();
    this.#owner.onDefect(this, failure);
    this.#tellClosed(user, failure);
  }

  #tellClosed(user: SocketUser | undefined, cause: Failure | undefined): void {
    try {
      user?.onClosed(cause);
    } catch (thrown) {
      this.#owner.onDefect(this, defect(thrown));
    }
  }

  /** Gives back when it is to be looked at again. */
  sweep(nowMs: number): number {
    if (this.user !== undefined) return this.#sweepUser(this.user, nowMs);
    if (nowMs < this.#lingerUntilMs) return this.#lingerUntilMs;
    if (this.#state === "lingering") {
      this.#leave();
      return Number.POSITIVE_INFINITY;
    }
    const { bytes, ms } = this.#owner.pace;
    if (this.sentBytes - this.#sentAtCheck < bytes) {
      this.destroy();
      return Number.POSITIVE_INFINITY;
    }
    this.#sentAtCheck = this.sentBytes;
    this.#lingerUntilMs = nowMs + ms;
    return this.#lingerUntilMs;
  }

  #sweepUser(user: SocketUser, nowMs: number): number {
    try {
      return user.sweep(nowMs);
    } catch (thrown) {
      this.broke(thrown);
      return Number.POSITIVE_INFINITY;
    }
  }

  #send(bytes: Uint8Array, size: number, isShared: boolean): void {
    const taken = this.waitingBytes > 0 ? 0 : this.#socket.write(bytes, 0, size);
    if (taken < 0) return this.closed(new Failure("gateway.client_gone", "the client closed the connection"));
    this.sentBytes += taken;
    if (taken === size) return;
    const rest = bytes.subarray(taken, size);
    this.#keep(isShared ? rest.slice() : rest);
  }

  #keep(bytes: Uint8Array): void {
    this.#waiting.push(heldBytes(bytes));
    this.waitingBytes += bytes.byteLength;
    this.#owesDrain = true;
  }

  /** The first one; false when the system does not take all of it. */
  #sendWaiting(): boolean {
    const bytes = this.#waiting[0]!;
    const taken = this.#socket.write(bytes);
    if (taken < 0) {
      this.closed(new Failure("gateway.client_gone", "the client closed the connection"));
      return false;
    }
    this.sentBytes += taken;
    this.waitingBytes -= taken;
    if (taken < bytes.byteLength) this.#waiting[0] = heldBytes(bytes.subarray(taken));
    else this.#waiting.shift();
    return taken === bytes.byteLength;
  }

  /** All is sent: nothing more comes from here. */
  #linger(): void {
    this.#state = "lingering";
    this.#socket.shutdown();
    const nowMs = this.#owner.now();
    this.#lingerEndMs = nowMs + LINGER_MS_MAX;
    this.#lingerUntil(nowMs + LINGER_MS);
  }

  #lingerUntil(dueMs: number): void {
    this.#lingerUntilMs = dueMs;
    this.#owner.note(dueMs);
  }
}
