/**
 * A child's stdout or stderr as lines: bounded in length and number, control characters made harmless, never an error. A
 * line that is not shown costs neither memory nor decoding.
 */
import { printable } from "../../base/printable.ts";

/** Longest line shown; the rest of a longer one is cut, not kept. */
export const OUTPUT_LINE_CHARS_MAX = 2_000;
/** No character of UTF-8 has more than four bytes. One more than is shown, to see that it was longer. */
const OUTPUT_LINE_BYTES_MAX = 4 * (OUTPUT_LINE_CHARS_MAX + 1);

const NEWLINE = 10;

/** Who says how much is too much. */
export interface OutputRules {
  /** False: read no further. */
  takeBytes(bytes: number): boolean;
  /** False: the line is not shown. */
  takeLine(): boolean;
}

const EVERYTHING: OutputRules = { takeBytes: () => true, takeLine: () => true };

export async function forwardLines(
  stream: ReadableStream<Uint8Array>,
  show: (line: string) => void,
  rules: OutputRules = EVERYTHING,
): Promise<void> {
  const cutter = new LineCutter(show, rules);
  try {
    for await (const chunk of stream) {
      if (!rules.takeBytes(chunk.byteLength)) return; // leaving the loop cancels the stream
      cutter.push(chunk);
    }
  } catch {
    show("(output could not be read any further)");
  }
  cutter.end();
}

class LineCutter {
  readonly #show: (line: string) => void;
  readonly #rules: OutputRules;
  #rest: Uint8Array[] = [];
  #restBytes = 0;

  constructor(show: (line: string) => void, rules: OutputRules) {
    this.#show = show;
    this.#rules = rules;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#line(chunk.subarray(from, at));
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  end(): void {
    if (this.#restBytes > 0) this.#line(new Uint8Array(0));
  }

  #line(last: Uint8Array): void {
    if (this.#rules.takeLine()) {
      this.#keep(last);
      this.#show(harmless(Buffer.concat(this.#rest).toString()));
    }
    this.#rest = [];
    this.#restBytes = 0;
  }

  /** A copy: the stream may use the chunk's memory again. */
  #keep(piece: Uint8Array): void {
    const room = OUTPUT_LINE_BYTES_MAX - this.#restBytes;
    if (piece.length === 0 || room <= 0) return;
    const kept = Uint8Array.prototype.slice.call(piece, 0, room);
    this.#rest.push(kept);
    this.#restBytes += kept.length;
  }
}

/** Without terminal control sequences: a plugin must not be able to repaint the operator's screen. */
export function harmless(line: string): string {
  const cut = line.length > OUTPUT_LINE_CHARS_MAX ? `${line.slice(0, OUTPUT_LINE_CHARS_MAX)}…` : line;
  return printable(cut.replaceAll("\r", ""));
}
