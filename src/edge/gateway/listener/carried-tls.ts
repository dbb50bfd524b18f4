/**
 * TLS on a socket whose first bytes are read already: behind a header of the PROXY protocol the runtime's own upgrade would miss what came in
 * one piece with it. The runtime's stream of TLS stands over bytes that are handed to it; it is slower, and for such connections only.
 */
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { Failure } from "../../../base/errors.ts";
import type { RuntimeSocket } from "./socket-port.ts";

/** Who hears of a socket: a port, or what stands between both. */
export interface SocketEars {
  received(bytes: Uint8Array): void;
  drained(): void;
  ended(): void;
  closed(cause: Failure | undefined): void;
  broke(thrown: unknown): void;
}

/** The stream of TLS is never given much more than it sends: the rest waits where it is counted. */
const PIECE_BYTES = 16 * 1024;

export class CarriedTls implements SocketEars, RuntimeSocket {
  readonly #raw: RuntimeSocket;
  readonly #below: Below;
  readonly #tls: TLSSocket;
  #above: SocketEars | undefined;
  #isShut = false;

  /** `over` makes the stream of TLS. */
  constructor(raw: RuntimeSocket, over: (below: Duplex) => TLSSocket) {
    this.#raw = raw;
    this.#below = new Below(raw);
    this.#below.on("error", () => {}); // the stream above tells it
    this.#tls = over(this.#below);
  }

  /** `rest`: what has come of the client already. */
  start(above: SocketEars, rest: Uint8Array, onShaken: () => void): void {
    this.#above = above;
    const tls = this.#tls;
    tls.on("secure", onShaken);
    tls.on("data", (bytes: Buffer) => this.#above?.received(bytes));
    tls.on("drain", () => this.#above?.drained());
    tls.on("end", () => this.#above?.ended());
    tls.on("error", (error: Error) => this.#over(new Failure("gateway.client_gone", `TLS broke: ${error.message}`)));
    tls.on("close", () => this.#over(undefined));
    if (rest.byteLength > 0) this.received(rest);
  }

  // Facts of the handshake, as the runtime's own sockets tell them.

  get authorized(): boolean {
    return this.#tls.authorized;
  }

  get alpnProtocol(): string | null {
    return this.#tls.alpnProtocol || null;
  }

  getServername(): string {
    const name: unknown = Reflect.get(this.#tls, "servername"); // false where the client named none
    return typeof name === "string" ? name : "";
  }

  getPeerCertificate() {
    return this.#tls.getPeerCertificate();
  }

  // What the port asks for. Bytes are copied: the port's are its own again after the call.

  write(bytes: Uint8Array, offset = 0, length = bytes.byteLength - offset): number {
    if (this.#tls.destroyed) return -1;
    let taken = 0;
    while (taken < length && !this.#tls.writableNeedDrain) {
      const size = Math.min(PIECE_BYTES, length - taken);
      this.#tls.write(Buffer.from(bytes.subarray(offset + taken, offset + taken + size)));
      taken += size;
    }
    return taken;
  }

  pause(): void {
    this.#tls.pause();
  }

  resume(): void {
    this.#tls.resume();
  }

  shutdown(): void {
    this.#isShut = true;
    this.#tls.end();
  }

  /**
   * Behind the client's own end: with both the socket is closed. Or behind `shutdown`: the system delivers what it has. Nobody looks after it any
   * more, so what cannot be sent at once is not waited for.
   */
  end(): void {
    if (this.#tls.writableLength > 0 || this.#below.isStuck) return this.terminate();
    if (!this.#isShut) return void this.#tls.end();
    this.#above = undefined;
    this.#raw.end();
    this.#tls.destroy();
  }

  terminate(): void {
    this.#above = undefined;
    this.#tls.destroy();
    this.#raw.terminate();
  }

  // What the raw socket says.

  received(bytes: Uint8Array): void {
    this.#below.came(bytes);
  }

  drained(): void {
    this.#below.drained();
  }

  ended(): void {
    this.#below.cameLast();
  }

  closed(cause: Failure | undefined): void {
    this.#below.cameLast();
    this.#over(cause);
  }

  broke(thrown: unknown): void {
    const above = this.#above;
    this.terminate();
    above?.broke(thrown);
  }

  #over(cause: Failure | undefined): void {
    const above = this.#above;
    this.terminate();
    above?.closed(cause);
  }
}

/** The raw socket as a stream: it stops reading when nobody reads, and keeps what the system does not take. */
class Below extends Duplex {
  readonly #raw: RuntimeSocket;
  #isOver = false;
  #rest: Uint8Array | undefined;
  #written: (() => void) | undefined;

  constructor(raw: RuntimeSocket) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
  }

  came(bytes: Uint8Array): void {
    if (!this.#isOver && !this.push(Buffer.from(bytes))) this.#raw.pause();
  }

  cameLast(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.push(null);
  }

  /** The system takes nothing at the moment. */
  get isStuck(): boolean {
    return this.#rest !== undefined;
  }

  drained(): void {
    const rest = this.#rest;
    if (rest !== undefined) this.#send(rest);
  }

  override _read(): void {
    if (!this.#isOver) this.#raw.resume();
  }

  override _write(bytes: Buffer, _encoding: string, written: () => void): void {
    this.#written = written;
    this.#send(bytes);
  }

  override _final(ended: () => void): void {
    this.#raw.shutdown();
    ended();
  }

  #send(bytes: Uint8Array): void {
    const taken = this.#raw.write(bytes);
    if (taken >= 0 && taken < bytes.byteLength) {
      this.#rest = bytes.subarray(taken);
      return;
    }
    // A socket that is gone says so by its close.
    const written = this.#written;
    this.#rest = this.#written = undefined;
    written?.();
  }
}
