/** A connection that has left HTTP: bytes both ways, each way with its own back-pressure. It is closed once our side has ended or the client has. */
import { assert, type Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource, RawStream } from "../../../wire/http/index.ts";
import { CLOSE, FrameBounds, OPCODE, writeFrame } from "../../../wire/websocket/index.ts";
import { clientGone } from "./client-faults.ts";
import type { SocketPort } from "./connection.ts";

/** That this side goes away, as WebSocket says it: nothing else is upgraded to. */
const GOING_AWAY = writeFrame(OPCODE.close, new Uint8Array([CLOSE.goingAway >> 8, CLOSE.goingAway & 0xff]), undefined);

/** From the client. */
class Incoming implements BodySource {
  readonly length = undefined;
  sink: BodySink | undefined;
  readonly #tunnel: RawTunnel;

  constructor(tunnel: RawTunnel) {
    this.#tunnel = tunnel;
  }

  start(sink: BodySink): void {
    assert(this.sink === undefined, "the bytes of a tunnel are taken twice");
    this.sink = sink;
    sink.onReady = () => this.#tunnel.wanted();
    sink.onCancel = (cause) => this.#tunnel.cancel(cause);
    this.#tunnel.wanted();
  }

  cancel(cause: Failure): void {
    this.#tunnel.cancel(cause);
  }
}

/** To the client. */
class Outgoing implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #tunnel: RawTunnel;

  constructor(tunnel: RawTunnel) {
    this.#tunnel = tunnel;
  }

  write(chunk: Uint8Array): boolean {
    return this.#tunnel.send(chunk);
  }

  end(): void {
    this.#tunnel.end();
  }

  abort(cause: Failure): void {
    this.#tunnel.cancel(cause);
  }
}

export class RawTunnel implements RawStream {
  readonly source: Incoming;
  readonly sink: Outgoing;
  readonly #port: SocketPort;
  readonly #onOver: () => void;
  /** Of what the client is sent. */
  readonly #frames = new FrameBounds();
  /** Came before somebody wanted it. */
  #early: Uint8Array | undefined;
  #isWanted = false;
  #isOver = false;
  /** How it ended, until it is told. */
  #ending: { readonly cause: Failure; readonly isWhole: boolean } | undefined;

  /** `early`: what the client sent behind its request. */
  constructor(port: SocketPort, onOver: () => void, early: Uint8Array | undefined) {
    this.#port = port;
    this.#onOver = onOver;
    this.#early = early;
    this.source = new Incoming(this);
    this.sink = new Outgoing(this);
    if (early !== undefined) port.pause();
  }

  // What the connection calls.

  received(bytes: Uint8Array): void {
    const { sink } = this.source;
    if (sink !== undefined && this.#isWanted) this.#isWanted = sink.write(bytes);
    else this.#early = this.#early === undefined ? bytes : Buffer.concat([this.#early, bytes]);
    if (!this.#isWanted && !this.#isOver) this.#port.pause();
  }

  drained(): void {
    this.sink.onReady?.();
  }

  /** `isWhole`: the client has closed its side in order. */
  closed(cause: Failure, isWhole: boolean): void {
    if (this.#isOver) return;
    this.#finish(cause, isWhole);
    this.sink.onCancel?.(cause);
  }

  // What the two ends call.

  wanted(): void {
    const { sink } = this.source;
    if (sink === undefined) return;
    this.#isWanted = true;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.#isWanted = sink.write(early);
    if (!this.#isWanted) return;
    if (this.#isOver) this.#tellEnd();
    else this.#port.resume();
  }

  send(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    this.#frames.follow(chunk);
    return this.#port.write(chunk);
  }

  /** The gateway ends, and this is not waited for any longer. False: there is nothing that may be said here. */
  sayGoodbye(cause: Failure): boolean {
    if (this.#isOver || !this.#frames.isBetween) return false;
    this.#port.write(GOING_AWAY);
    this.#onOver();
    this.#port.end();
    this.#finish(cause, false);
    this.sink.onCancel?.(cause);
    return true;
  }

  /** Our side has nothing more to say: what was written is sent, then it is over for the client too. */
  end(): void {
    if (this.#isOver) return;
    this.#onOver();
    this.#port.end();
    this.#finish(clientGone(), true);
  }

  cancel(cause: Failure): void {
    if (this.#isOver) return;
    this.#onOver();
    this.#port.destroy();
    this.#early = undefined;
    this.#finish(cause, false);
  }

  #finish(cause: Failure, isWhole: boolean): void {
    this.#isOver = true;
    this.#ending = { cause, isWhole };
    if (this.#early === undefined) this.#tellEnd();
  }

  /** Once, and only to somebody who takes the bytes. */
  #tellEnd(): void {
    const { sink } = this.source;
    const ending = this.#ending;
    if (sink === undefined || ending === undefined) return;
    this.#ending = undefined;
    if (ending.isWhole) sink.end();
    else sink.abort(ending.cause);
  }
}
