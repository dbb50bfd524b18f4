/**
 * A reply that is gathered and masked as a whole; its head goes out with it, so that a reply that cannot be masked is refused. Long JSON is
 * not held whole: from some size on it goes out while it comes, and what is wrong behind that breaks it off.
 */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import type { FlowSink } from "./flow-sink.ts";
import type { HeldBytes } from "./held-bodies.ts";
import { HeldSource } from "./held-source.ts";
import type { MaskJob } from "./mask-job.ts";
import { bodiesFull, type MaskedWhole } from "./whole-body.ts";

/** Of JSON: what is shorter is refused where it is broken, has its length, and can be packed. */
export const FLOWS_FROM_BYTES = 1024 * 1024;

export interface MaskedReplyPorts {
  readonly held: HeldBytes;
  readonly bytesMax: number;
  /** Undefined: it cannot be masked while it comes. Opens the reply. */
  readonly flow: (() => FlowSink) | undefined;
  whole(pieces: KeptBytes, done: (outcome: MaskedWhole | Failure) => void): MaskJob;
  /** `isOpen`: trailers come behind it, so its length is not told. */
  open(masked: MaskedWhole, isOpen: boolean): BodySink;
  /** Throws what cannot be masked. */
  trailers(trailers: HeaderList): HeaderList;
  refuse(failure: Failure): void;
}

export class MaskedReply implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #ports: MaskedReplyPorts;
  #kept = new KeptBytes();
  #flow: FlowSink | undefined;
  #flowedBytes = 0;
  #job: MaskJob | undefined;
  /** What has become of it, on its way to the client. */
  #source: HeldSource | undefined;
  #isDone = false;

  constructor(ports: MaskedReplyPorts) {
    this.#ports = ports;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isDone) return false;
    if (this.#flow !== undefined) return this.#flowOn(this.#flow, chunk);
    const { bytesMax, flow, held } = this.#ports;
    this.#kept.push(chunk);
    if (this.#kept.size > bytesMax) return this.#refuse(tooLarge(bytesMax));
    if (!held.to(this.#kept.size)) return this.#refuse(bodiesFull());
    return flow !== undefined && this.#kept.size > FLOWS_FROM_BYTES ? this.#beginFlow(flow()) : true;
  }

  #beginFlow(flow: FlowSink): boolean {
    this.#flow = flow;
    flow.onReady = () => this.onReady?.();
    flow.onCancel = (cause) => this.onCancel?.(cause);
    let takesMore = true;
    for (let piece = this.#kept.shift(); piece !== undefined; piece = this.#kept.shift())
      takesMore = this.#flowOn(flow, piece);
    return takesMore;
  }

  #flowOn(flow: FlowSink, chunk: Uint8Array): boolean {
    const { bytesMax } = this.#ports;
    this.#flowedBytes += chunk.byteLength;
    if (this.#flowedBytes <= bytesMax) return flow.write(chunk);
    flow.refuse(tooLarge(bytesMax));
    return false;
  }

  #refuse(failure: Failure): false {
    const { onCancel } = this;
    this.drop();
    this.#ports.refuse(failure);
    onCancel?.(failure);
    return false;
  }

  /** The passage has ended: nobody waits for anything of it. */
  drop(): void {
    this.#isDone = true;
    this.#flow?.drop();
    this.#job?.cancel();
    this.#source?.cancel();
    this.#kept = new KeptBytes();
    this.#ports.held.free();
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone) return;
    if (this.#flow !== undefined) return this.#flow.end(trailers);
    let masked: HeaderList | undefined;
    const kept = this.#kept;
    this.#kept = new KeptBytes();
    const job = this.#ports.whole(kept, (outcome) => {
      if (this.#isDone) return;
      if (outcome instanceof Failure) return this.#refuseWhole(outcome);
      try {
        masked = trailers && this.#ports.trailers(trailers);
      } catch (thrown) {
        return this.#refuseWhole(thrown as Failure); // that is what masks throw
      }
      this.#send(outcome, masked);
    });
    this.#job = job;
  }

  /** The writer has ended: there is nobody to be told. */
  #refuseWhole(failure: Failure): void {
    this.drop();
    this.#ports.refuse(failure);
  }

  /** A short one at once; of a long one as much as the one behind takes. */
  #send(masked: MaskedWhole, trailers: HeaderList | undefined): void {
    const sink = this.#ports.open(masked, trailers !== undefined && trailers.length > 0);
    this.#source = new HeldSource(masked.pieces, this.#ports.held, trailers);
    this.#source.start(sink);
  }

  abort(cause: Failure): void {
    if (this.#isDone) return;
    if (this.#flow !== undefined) return this.#flow.abort(cause);
    this.drop();
    this.#ports.refuse(cause);
  }
}

export function tooLarge(bytesMax: number): Failure {
  return new Failure(
    "gateway.reply_too_large",
    `the upstream's reply is larger than the ${bytesMax} bytes that can be looked at`,
  );
}
