/**
 * A body that is a stream of messages: a JSON value a line (NDJSON), or one array of them. Lines go on as they come; an array is read whole,
 * within the bound of one message.
 */
import { Failure } from "../../../base/errors.ts";
import { type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import { frameMessage, type JsonValue } from "../../../wire/protobuf/index.ts";
import { BodyPipe } from "./flow.ts";
import { MessageSink } from "./message-sink.ts";
import { mediaTypeOf } from "./metadata.ts";

export interface JsonBodyEvents {
  /** One value's text into a serialized message; may throw. */
  convert(text: Uint8Array): Uint8Array;
  /** A text as JSON; may throw. */
  parse(text: string): JsonValue;
  onBroken(failure: Failure): void;
}

const LINES: ReadonlySet<string> = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/json-lines",
]);
const NEWLINE = 0x0a;

export class JsonBodyStream extends MessageSink {
  /** What the upstream is sent. */
  readonly messages = new BodyPipe();
  readonly #isLines: boolean;
  readonly #bytesMax: number;
  readonly #events: JsonBodyEvents;
  readonly #kept = new KeptBytes();

  constructor(headers: HeaderList, bytesMax: number, events: JsonBodyEvents) {
    super("gateway.convert_invalid");
    this.#isLines = LINES.has(mediaTypeOf(headers));
    this.#bytesMax = bytesMax;
    this.#events = events;
    this.messages.onReady = () => this.resume();
    // The upstream wants no more; its status says why.
    this.messages.onCancel = (cause) => this.stop(cause);
  }

  protected override take(chunk: Uint8Array): void {
    if (!this.#isLines) return this.#keep(chunk);
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#line(this.#kept.takeAll());
      if (this.isDone) return;
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  protected override takeRest(): void {
    const rest = this.#kept.takeAll();
    if (this.#isLines) return this.#line(rest);
    for (const value of this.#arrayOf(rest)) this.messages.write(frameMessage(this.#events.convert(value)));
  }

  protected override ended(): void {
    this.messages.end();
  }

  protected override broken(failure: Failure): void {
    this.#events.onBroken(failure);
  }

  /** The client's body broke off: the call is broken off as well. */
  override abort(cause: Failure): void {
    if (this.close()) this.messages.abort(cause);
  }

  override stop(cause: Failure): void {
    super.stop(cause);
    this.#kept.takeAll();
  }

  #keep(chunk: Uint8Array): void {
    const bytes = this.#kept.size + chunk.length;
    if (bytes > this.#bytesMax) {
      throw new Failure(
        "gateway.body_too_large",
        `reading a message failed: it has ${bytes} bytes or more; at most ${this.#bytesMax} are required`,
      );
    }
    this.#kept.push(chunk);
  }

  #line(line: Uint8Array): void {
    if (line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09)) return;
    this.taken(this.messages.write(frameMessage(this.#events.convert(line))));
  }

  /** The values of an array, each as text again; a single value counts as one. */
  #arrayOf(text: Uint8Array): Uint8Array[] {
    if (text.length === 0) return [];
    const value = this.#events.parse(new TextDecoder().decode(text));
    const values = Array.isArray(value) ? value : [value];
    return values.map((one) => new TextEncoder().encode(JSON.stringify(one)));
  }
}
