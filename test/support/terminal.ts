/** The program in a terminal of its own: what it paints as a screen has it, keys, another size, and how it leaves all behind. */
import { EXECUTABLE } from "./program.ts";
import { until } from "./until.ts";

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const HOME = "\x1b[H";
/** Colours, and erasing to the end of a line or page. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const MARKS = /\x1b\[\d*[mKJ]/g;

export class TestTerminal implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  #written = "";

  constructor(args: readonly string[], { columns, cwd, env, rows }: TerminalOptions) {
    const decoder = new TextDecoder();
    this.#child = Bun.spawn([EXECUTABLE, ...args], {
      cwd,
      env: { PATH: process.env.PATH ?? "", TERM: "xterm", TZ: "UTC", ...env },
      terminal: {
        cols: columns,
        rows,
        data: (_, bytes) => {
          this.#written += decoder.decode(bytes, { stream: true });
        },
      },
    });
  }

  /** All that has come so far. */
  get written(): string {
    return this.#written;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** The last page that was painted whole, or what was printed where no page was. */
  screen(): readonly string[] {
    const pages = this.#written.split(HOME);
    const whole = pages.findLast((page) => page.endsWith("\x1b[J")) ?? pages.at(-1)!;
    return whole.replace(MARKS, "").split(/\r*\n/); // the terminal may add one more return
  }

  async untilScreen(what: string, is: (lines: readonly string[]) => boolean): Promise<readonly string[]> {
    try {
      return await until(what, () => is(this.screen()) && this.screen());
    } catch (thrown) {
      throw new Error(`${thrown}; the screen has:\n${this.screen().join("\n")}`);
    }
  }

  press(key: string): void {
    this.#child.terminal!.write(key);
  }

  resize(columns: number, rows: number): void {
    this.#child.terminal!.resize(columns, rows);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#child.terminal?.close();
  }
}
