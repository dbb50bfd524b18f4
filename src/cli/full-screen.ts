/**
 * The terminal as one page that is painted again and again: the other screen, no cursor, keys as they are pressed. Whatever ends the
 * program, the terminal is as it was before.
 */
import type { ReadStream, WriteStream } from "node:tty";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
/** Home; each line ends with erasing what stood behind it, and the last one with all below. */
const HOME = "\x1b[H";
const TO_LINE_END = "\x1b[K";
const TO_PAGE_END = "\x1b[J";
const BOLD = "\x1b[1m";
const PLAIN = "\x1b[0m";

/** Not the terminal's: Ctrl-C is a key here. */
const END_KEYS: ReadonlySet<string> = new Set(["q", "Q", "\x03", "\x1b"]);

export interface ScreenPorts {
  readonly output: Pick<WriteStream, "write" | "columns" | "rows" | "on" | "off">;
  readonly input: Pick<ReadStream, "setRawMode" | "on" | "off" | "resume" | "pause"> | undefined;
  /** The last thing that a process does. */
  readonly atExit: (leave: () => void) => () => void;
}

export interface ScreenHearers {
  readonly quit: () => void;
  readonly resized: () => void;
}

export class FullScreen implements Disposable {
  readonly #ports: ScreenPorts;
  readonly #ends: (() => void)[] = [];
  #isOpen = true;

  constructor(ports: ScreenPorts, { quit, resized }: ScreenHearers) {
    this.#ports = ports;
    const { atExit, input, output } = ports;
    const onKey = (bytes: Uint8Array | string): void => {
      if (END_KEYS.has(bytes.toString())) quit();
    };
    output.on("resize", resized);
    input?.setRawMode(true);
    input?.on("data", onKey);
    input?.resume();
    this.#ends.push(
      atExit(() => this[Symbol.dispose]()),
      () => output.off("resize", resized),
      () => input?.off("data", onKey),
      () => input?.setRawMode(false),
      () => input?.pause(),
    );
    output.write(ENTER);
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = this.#ports.output;
    return { columns: columns || 80, rows: rows || 24 };
  }

  /** Titles are lines in capitals, the first line is one too. */
  paint(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const painted = lines.map((line, index) => {
      const isTitle = index === 0 || /^[A-Z][A-Z ]+( \(|$)/.test(line);
      return (isTitle ? `${BOLD}${line}${PLAIN}` : line) + TO_LINE_END;
    });
    this.#ports.output.write(`${HOME}${painted.join("\r\n")}${TO_PAGE_END}`);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const end of this.#ends) end();
    this.#ports.output.write(LEAVE);
  }
}

/** Of this process; keys only where standard input is a terminal too. */
export function ownTerminal(): ScreenPorts {
  return {
    output: process.stdout,
    input: process.stdin.isTTY ? process.stdin : undefined,
    atExit(leave) {
      process.on("exit", leave);
      return () => process.off("exit", leave);
    },
  };
}
