/**
 * How long a peer of a WebSocket is waited for: one that says nothing is pinged after half of the idle time and ended after all of it, one that
 * does not answer our close gets our side's end, in order, for it may still be reading what was written before. A peer that we hold back, or
 * that still takes what we wrote, is not waited for here: how fast bytes are taken is the listener's matter.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { CLOSE, type WebSocketConnection } from "../../../wire/websocket/index.ts";
import { CLOSE_WAIT_MS } from "./limits.ts";

export interface SocketTerms {
  readonly clock: Clock;
  readonly messageBytesMax: number;
  /** Without a sign of life; 0: for ever. */
  readonly idleMs: number;
}

export class SocketLife {
  readonly #terms: SocketTerms;
  #socket: WebSocketConnection | undefined;
  #timer: Timer | undefined;
  #heardBytes = 0;
  #isPinged = false;
  #isClosing = false;
  #isGone = false;

  constructor(terms: SocketTerms) {
    this.#terms = terms;
  }

  watch(socket: WebSocketConnection): void {
    this.#socket = socket;
    if (this.#isClosing) this.#waitForClose();
    else this.#waitForWord();
  }

  /** Our close is on its way, or the socket is over: the connection's end has to follow. */
  closing(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#waitForClose();
  }

  gone(): void {
    this.#isGone = true;
    this.#timer?.cancel();
  }

  #waitForWord(): void {
    const { clock, idleMs } = this.#terms;
    if (idleMs > 0 && !this.#isGone) this.#timer = clock.after(idleMs / 2, () => this.#look());
  }

  #look(): void {
    const socket = this.#socket!; // watched
    const isSilent = socket.heardBytes === this.#heardBytes && !socket.isHeld;
    this.#heardBytes = socket.heardBytes;
    if (isSilent && this.#isPinged) return socket.close(CLOSE.goingAway, "there was no sign of life");
    this.#isPinged = isSilent;
    if (isSilent) socket.ping();
    if (!this.#isClosing) this.#waitForWord();
  }

  #waitForClose(): void {
    this.#timer?.cancel();
    const socket = this.#socket;
    if (socket === undefined || this.#isGone) return;
    this.#timer = this.#terms.clock.after(CLOSE_WAIT_MS, () =>
      socket.giveUp(new Failure("gateway.close_timeout", `a close was not answered within ${CLOSE_WAIT_MS} ms`)),
    );
  }
}
