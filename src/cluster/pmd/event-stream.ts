/**
 * Server-sent events as text (WHATWG HTML, "Server-sent events"), as far as a port mapper needs them: named events with one
 * line of data, and comments. The reader takes any such stream in any pieces, and refuses lines beyond a bound.
 */
import { Failure } from "../../base/errors.ts";
import { EVENT_CHARS_MAX } from "./limits.ts";

export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

export function eventText(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}

/** Events out of a stream of bytes. Comments and unknown fields are passed over. */
export class EventReader {
  readonly #charsMax: number;
  readonly #decoder = new TextDecoder();
  #pieces: string[] = [];
  #chars = 0;
  #name = "";
  #data: string[] = [];

  constructor(charsMax: number = EVENT_CHARS_MAX) {
    this.#charsMax = charsMax;
  }

  /** The events that these bytes complete. Fails with `pmd.bad_stream`. */
  read(bytes: Uint8Array): StreamEvent[] {
    const [first, ...more] = this.#decoder.decode(bytes, { stream: true }).split("\n");
    this.#hold(first!);
    const events: StreamEvent[] = [];
    for (const piece of more) {
      const line = this.#pieces.join("").replace(/\r$/, "");
      this.#pieces = [];
      if (line === "") this.#dispatch(events);
      else this.#field(line);
      this.#hold(piece);
    }
    return events;
  }

  /** All that is kept of an unfinished event counts. */
  #hold(piece: string): void {
    this.#chars += piece.length;
    if (this.#chars > this.#charsMax) {
      throw new Failure(
        "pmd.bad_stream",
        `an event has more than ${this.#charsMax} characters, the most that is taken`,
      );
    }
    if (piece !== "") this.#pieces.push(piece);
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    const [field, value] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else this.#chars -= line.length; // a comment is not kept
  }

  #dispatch(events: StreamEvent[]): void {
    if (this.#data.length > 0) events.push({ name: this.#name || "message", data: this.#data.join("\n") });
    this.#name = "";
    this.#data = [];
    this.#chars = 0;
  }
}
