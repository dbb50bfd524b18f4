/** A reply that is a stream of JSON texts: a line each, or the data of events. Bounded by the size of one of them. */
import { Failure } from "../../../base/errors.ts";
import { KeptBytes } from "../../../wire/http/index.ts";
import { MessageSink } from "./message-sink.ts";

export interface TextEvents {
  /** False: no more for now, until `resume`. */
  onText(text: string, isError: boolean): boolean;
  onEnd(): void;
  onBroken(failure: Failure): void;
}

const NEWLINE = 0x0a;

export class TextStream extends MessageSink {
  readonly #isEvents: boolean;
  readonly #bytesMax: number;
  readonly #events: TextEvents;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #kept = new KeptBytes();
  /** Of the message so far, the line that is kept included. */
  #bytes = 0;
  #data: string[] = [];
  #event = "";

  constructor(isEvents: boolean, bytesMax: number, events: TextEvents) {
    super("gateway.upstream_protocol");
    this.#isEvents = isEvents;
    this.#bytesMax = bytesMax;
    this.#events = events;
  }

  protected override take(chunk: Uint8Array): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#line(this.#rest());
      if (this.isDone) return;
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  protected override takeRest(): void {
    this.#line(this.#rest());
    if (this.#isEvents && !this.isDone) this.#line("");
  }

  protected override ended(): void {
    this.#events.onEnd();
  }

  protected override broken(failure: Failure): void {
    this.#events.onBroken(failure);
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax) {
      throw new Failure(
        "grpc.message_too_large",
        `reading a message failed: it has ${this.#bytes} bytes or more; at most ${this.#bytesMax} are required`,
      );
    }
    this.#kept.push(part);
  }

  #rest(): string {
    if (!this.#isEvents) this.#bytes = 0;
    const text = this.#decoder.decode(this.#kept.takeAll());
    return text.endsWith("\r") ? text.slice(0, -1) : text;
  }

  #line(line: string): void {
    if (!this.#isEvents) {
      if (line.trim() !== "") this.#tell(line, false);
      return;
    }
    if (line === "") return this.#eventOver();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
  }

  #eventOver(): void {
    const data = this.#data;
    const event = this.#event;
    this.#data = [];
    this.#event = "";
    this.#bytes = 0;
    if (data.length === 0 || isEndEvent(event, data)) return;
    this.#tell(data.join("\n"), event === "error");
  }

  #tell(text: string, isError: boolean): void {
    this.taken(this.#events.onText(text, isError));
  }
}

/** What services, and conversions like ours, say behind the last message. */
function isEndEvent(event: string, data: readonly string[]): boolean {
  return event === "end" && data.length === 1 && data[0] === "{}";
}
