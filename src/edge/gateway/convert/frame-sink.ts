/** The receiving end of a body of gRPC frames. */
import { Failure } from "../../../base/errors.ts";
import type { HeaderList } from "../../../wire/http/index.ts";
import { type FrameLimits, FrameReader, type MessageEncoding } from "../../../wire/protobuf/index.ts";
import { MessageSink } from "./message-sink.ts";

export interface FrameEvents {
  /** False: no more for now, until `resume`. What one piece of the body held still comes. */
  onMessage(message: Uint8Array): boolean;
  onEnd(trailers: HeaderList | undefined): void;
  /** The body broke off, or is no body of frames. */
  onBroken(failure: Failure): void;
}

export class FrameSink extends MessageSink {
  readonly #reader: FrameReader;
  readonly #events: FrameEvents;

  constructor(limits: FrameLimits, encoding: MessageEncoding, events: FrameEvents) {
    super("grpc.frame");
    this.#events = events;
    this.#reader = new FrameReader(limits, encoding, (message) => {
      if (!this.isDone) this.taken(events.onMessage(message));
    });
  }

  protected override take(chunk: Uint8Array): void {
    this.#reader.write(chunk);
  }

  protected override takeRest(): void {
    if (!this.#reader.isOpen) return;
    throw new Failure("grpc.frame", "reading a body failed: it ends within a frame; whole frames are required");
  }

  protected override ended(trailers: HeaderList | undefined): void {
    this.#events.onEnd(trailers);
  }

  protected override broken(failure: Failure): void {
    this.#events.onBroken(failure);
  }
}
