/** A connection from a proxy that speaks the PROXY protocol, until its header has come: before that nothing of it is anybody's. */
import { Failure } from "../../../base/errors.ts";
import type { SocketUser } from "./connection.ts";
import { readProxyHeader } from "./proxy-header.ts";
import type { ClientPort, PortOwner } from "./socket-port.ts";

export interface Source {
  readonly address: string;
  readonly port: number;
}

export interface GreetingEvents {
  /** The header is read. Undefined: it is about the proxy itself. `rest` came behind it. */
  onSource(source: Source | undefined, rest: Uint8Array): void;
  /** The connection is closed. */
  onFault(failure: Failure): void;
}

export class ProxyGreeting implements SocketUser {
  readonly #port: ClientPort;
  readonly #dueMs: number;
  readonly #timeoutMs: number;
  readonly #events: GreetingEvents;
  #seen: Uint8Array | undefined;

  constructor(port: ClientPort, owner: PortOwner, timeoutMs: number, events: GreetingEvents) {
    this.#port = port;
    this.#timeoutMs = timeoutMs;
    this.#dueMs = owner.now() + timeoutMs;
    this.#events = events;
    owner.note(this.#dueMs);
  }

  onBytes(chunk: Uint8Array): void {
    const bytes = this.#seen === undefined ? chunk : Buffer.concat([this.#seen, chunk]);
    const header = readProxyHeader(bytes);
    if (header.kind === "more") this.#seen = bytes;
    else if (header.kind === "bad") this.#refuse(header.fault);
    else this.#events.onSource(header.source, bytes.subarray(header.sizeBytes));
  }

  onDrain(): void {}

  onClosed(): void {}

  sweep(nowMs: number): number {
    if (nowMs < this.#dueMs) return this.#dueMs;
    this.#refuse(`none has come within ${this.#timeoutMs} ms`);
    return Number.POSITIVE_INFINITY;
  }

  drain(): void {
    this.#port.destroy();
  }

  #refuse(fault: string): void {
    this.#port.destroy();
    this.#events.onFault(new Failure("gateway.proxy_header", `reading the header of the PROXY protocol: ${fault}`));
  }
}
