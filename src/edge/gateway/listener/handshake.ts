/** Who stands on a socket while its TLS handshake goes on: nobody speaks yet, and it may not take long. */
import { DRAIN_IDLE_MS, type SocketUser } from "./connection.ts";
import type { ClientPort, PortOwner } from "./socket-port.ts";

export class Handshake implements SocketUser {
  readonly isBetween = true;
  readonly #port: ClientPort;
  readonly #owner: PortOwner;
  #dueMs: number;
  readonly #onFailed: () => void;

  constructor(port: ClientPort, owner: PortOwner, timeoutMs: number, onFailed: () => void) {
    this.#port = port;
    this.#owner = owner;
    this.#dueMs = owner.now() + timeoutMs;
    this.#onFailed = onFailed;
    owner.note(this.#dueMs);
  }

  onBytes(): void {}

  onDrain(): void {}

  onClosed(): void {
    this.#onFailed();
  }

  sweep(nowMs: number): number {
    if (nowMs < this.#dueMs) return this.#dueMs;
    this.#onFailed();
    this.#port.destroy();
    return Number.POSITIVE_INFINITY;
  }

  drain(): void {
    this.#dueMs = Math.min(this.#dueMs, this.#owner.now() + DRAIN_IDLE_MS);
    this.#owner.note(this.#dueMs);
  }
}
