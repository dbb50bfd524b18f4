/**
 * A body that is a stream of messages: a JSON value a line (NDJSON), or one array of them. Lines go on as they come; an array is read whole,
 * within the bound of one message, and taken apart as text: nothing of a value changes on its way to its message.
 */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import { type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import { elementsOfJson, frameMessage } from "../../../wire/protobuf/index.ts";
import { BodyPipe } from "./flow.ts";
import { bodyText } from "./json-message.ts";
import { MessageSink } from "./message-sink.ts";
import { mediaTypeOf } from "./metadata.ts";
import { OrderedWork, type Turns } from "./turns.ts";

export interface JsonBodyEvents {
  /** One value's text into a serialized message; may throw. */
  convert(text: string): InTurns<Uint8Array>;
  onBroken(failure: Failure): void;
}

const LINES: ReadonlySet<string> = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/json-lines",
]);
const NEWLINE = 0x0a;
const CODE = "gateway.convert_invalid";

export class JsonBodyStream extends MessageSink {
  /** What the upstream is sent. */
  readonly messages = new BodyPipe();
  readonly #isLines: boolean;
  readonly #bytesMax: number;
  readonly #events: JsonBodyEvents;
  readonly #kept = new KeptBytes();
  readonly #work: OrderedWork;
  /** Whole lines that came and are not converted. */
  #lines: Uint8Array[] = [];
  /** The upstream takes no more for now. */
  #isFull = false;
  #isEnding = false;

  constructor(headers: HeaderList, bytesMax: number, turns: Turns, events: JsonBodyEvents) {
    super(CODE);
    this.#isLines = LINES.has(mediaTypeOf(headers));
    this.#bytesMax = bytesMax;
    this.#events = events;
    this.#work = new OrderedWork(turns, CODE, {
      onIdle: () => this.#converted(),
      onFailed: (failure) => this.#fail(failure),
    });
    this.messages.onReady = () => this.resume();
    // The upstream wants no more; its status says why.
    this.messages.onCancel = (cause) => this.stop(cause);
  }

  protected override take(chunk: Uint8Array): void {
    if (!this.#isLines) return this.#keep(chunk);
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#lines.push(this.#kept.takeAll());
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
    if (this.#lines.length > 0) this.#convert(chunk.length, this.#convertLines());
  }

  protected override takeRest(): void {
    const rest = this.#kept.takeAll();
    this.#isEnding = true;
    if (this.#isLines) this.#lines.push(rest);
    this.#convert(rest.length, this.#isLines ? this.#convertLines() : this.#convertArray(rest));
  }

  #convert(bytes: number, work: InTurns<void>): void {
    this.taken(this.#work.add(bytes, work) && !this.#isFull);
  }

  /** The end waits for what comes before it. */
  override end(): void {
    if (this.isDone || this.#isEnding) return;
    this.onCancel = undefined; // there is nothing left to cancel, whatever the rest brings
    this.takeRest();
    if (this.#work.isIdle) this.#converted();
  }

  #converted(): void {
    if (this.#isEnding) {
      if (this.close()) this.ended();
    } else if (!this.#isFull) super.resume();
  }

  /** The upstream takes more again. */
  override resume(): void {
    this.#isFull = false;
    if (this.#work.isIdle) super.resume();
  }

  protected override ended(): void {
    this.messages.end();
  }

  #fail(failure: Failure): void {
    if (this.isDone) return;
    this.stop(failure);
    this.broken(failure);
  }

  protected override broken(failure: Failure): void {
    this.#work.stop();
    this.#events.onBroken(failure);
  }

  /** The client's body broke off: the call is broken off as well. */
  override abort(cause: Failure): void {
    this.#work.stop();
    if (this.close()) this.messages.abort(cause);
  }

  override stop(cause: Failure): void {
    this.#work.stop();
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

  *#convertLines(): InTurns<void> {
    const lines = this.#lines;
    this.#lines = [];
    for (const line of lines) {
      const text = bodyText(line);
      if (text.trim() !== "") yield* this.#send(text);
      if (this.isDone) return;
    }
  }

  /** A single value counts as an array of one. */
  *#convertArray(body: Uint8Array): InTurns<void> {
    if (body.length === 0) return;
    for (const text of elementsOfJson(bodyText(body))) {
      yield* this.#send(text);
      if (this.isDone) return;
    }
  }

  *#send(text: string): InTurns<void> {
    const message = yield* this.#events.convert(text);
    if (!this.messages.write(frameMessage(message))) this.#isFull = true;
    yield;
  }
}
