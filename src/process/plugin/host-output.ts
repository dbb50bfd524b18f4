/**
 * What one host prints, on its two descriptors and through its log, held to one budget: so many bytes a second or it is
 * too much, so many lines a second are shown and the others counted.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { formatCount } from "../../base/units.ts";
import { LINES_PER_SECOND, OutputMeter } from "../limits/index.ts";
import type { LogMessage } from "./messages.ts";
import { forwardLines, harmless, type OutputRules } from "./output-lines.ts";

export type OutputStream = "stdout" | "stderr" | LogMessage["level"];

export interface HostOutputOptions {
  readonly bytesPerSecond: number;
  readonly clock: Clock;
  show(stream: OutputStream, line: string): void;
  /** Once: nothing is read or shown after it. */
  exceeded(): void;
}

const NOTICE_AFTER_MS = 1_000;

export class HostOutput {
  readonly #options: HostOutputOptions;
  readonly #meter: OutputMeter;
  readonly #rules: OutputRules;
  #notice: Timer | undefined;
  #tooMuch = false;

  constructor(options: HostOutputOptions) {
    this.#options = options;
    this.#meter = new OutputMeter(options.bytesPerSecond, options.clock.monotonic());
    this.#rules = { takeBytes: (bytes) => this.#takeBytes(bytes), takeLine: () => this.#takeLine() };
  }

  /** Resolves at the stream's end. */
  read(name: "stdout" | "stderr", stream: ReadableStream<Uint8Array>): Promise<void> {
    return forwardLines(stream, (line) => this.#options.show(name, line), this.#rules);
  }

  log(level: LogMessage["level"], message: string): void {
    if (!this.#takeBytes(Buffer.byteLength(message))) return;
    for (const line of message.split("\n")) if (this.#takeLine()) this.#options.show(level, harmless(line));
  }

  /** Says what it has to say still. */
  end(): void {
    this.#notice?.cancel();
    this.#tell();
  }

  #takeBytes(bytes: number): boolean {
    if (this.#tooMuch) return false;
    if (this.#meter.takeBytes(bytes, this.#options.clock.monotonic())) return true;
    this.#tooMuch = true;
    this.#options.exceeded();
    return false;
  }

  #takeLine(): boolean {
    const shown = this.#meter.takeLine(this.#options.clock.monotonic());
    if (!shown) this.#notice ??= this.#options.clock.after(NOTICE_AFTER_MS, () => this.#tell());
    return shown;
  }

  #tell(): void {
    this.#notice = undefined;
    const count = this.#meter.takeLeftOut();
    if (count === 0) return;
    const allowed = formatCount(LINES_PER_SECOND);
    this.#options.show("stderr", `(${formatCount(count)} lines left out: it prints more than ${allowed} a second)`);
  }
}
