/** Who stands on a socket while its TLS handshake goes on: nobody speaks yet, and it may not take long. */
import type { SocketUser } from "./connection.ts";
import type { ClientPort, PortOwner } from "./socket-port.ts";

export class Handshake implements SocketUser {
  readonly isBetween = true;
  readonly #port: ClientPort;
  readonly #dueMs: number;
  readonly #onFailed: () => void;

  constructor(port: ClientPort, owner: PortOwner, timeoutMs: number, onFailed: () => void) {
    this.#port = port;
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
    this.#port.destroy();
  }
}
