/** Which HTTP a client speaks, by its first bytes: HTTP/2 begins with a preface that is no request of HTTP/1. */
import type { Failure } from "../../../base/errors.ts";
import { clientSlow } from "./client-faults.ts";
import { DRAIN_IDLE_MS, type SocketPort, type SocketUser, type SpeakerContext } from "./connection.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Waits for the first bytes, and hands them to whom they are for. */
export class Peek implements SocketUser {
  readonly isBetween = true;
  readonly #port: SocketPort;
  readonly #context: SpeakerContext;
  readonly #choose: (isHttp2: boolean) => SocketUser;
  readonly #openedMs: number;
  #seen: Uint8Array | undefined;
  #drainDueMs = Number.POSITIVE_INFINITY;

  /** `choose` makes the speaker, which is the port's user from then on. */
  constructor(port: SocketPort, context: SpeakerContext, choose: (isHttp2: boolean) => SocketUser) {
    this.#port = port;
    this.#context = context;
    this.#choose = choose;
    this.#openedMs = context.now();
    context.note(this.#dueMs);
  }

  onBytes(chunk: Uint8Array): void {
    const bytes = this.#seen === undefined ? chunk : Buffer.concat([this.#seen, chunk]);
    const size = Math.min(bytes.byteLength, PREFACE.byteLength);
    const isPreface = bytes[0] === PREFACE[0] && PREFACE.compare(bytes, 0, size, 0, size) === 0;
    if (isPreface && size < PREFACE.byteLength) {
      this.#seen = bytes;
      return;
    }
    this.#choose(isPreface).onBytes(bytes);
  }

  onDrain(): void {}

  onClosed(_cause: Failure | undefined): void {}

  /** A client that has said nothing yet may be one that connects ahead. */
  sweep(nowMs: number): number {
    if (this.#drainDueMs <= nowMs) {
      this.#port.end();
      return Number.POSITIVE_INFINITY;
    }
    if (nowMs < this.#dueMs) return Math.min(this.#dueMs, this.#drainDueMs);
    if (this.#seen !== undefined) this.#context.onFault(clientSlow("a head", this.#context.settings.headTimeoutMs));
    this.#port.destroy();
    return Number.POSITIVE_INFINITY;
  }

  drain(): void {
    if (this.#drainDueMs !== Number.POSITIVE_INFINITY) return;
    this.#drainDueMs = this.#context.now() + DRAIN_IDLE_MS;
    this.#context.note(this.#drainDueMs);
  }

  get #dueMs(): number {
    const { headTimeoutMs, keepAliveMs } = this.#context.settings;
    return this.#openedMs + (this.#seen === undefined ? keepAliveMs : Math.min(keepAliveMs, headTimeoutMs));
  }
}
