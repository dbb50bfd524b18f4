/**
 * A process of the cluster under test with somebody who starts it again whenever it was killed, as systemd would. What it tells
 * is read as it comes; what it logs goes to a file, for all its lives.
 */
import { closeSync, openSync } from "node:fs";
import { pause, systemClock } from "../../../src/base/clock.ts";
import { descendantsOfAllThreads } from "../common/process-tree.ts";

/** A line of NDJSON; `timeMs` since the epoch. */
export interface Told {
  readonly event: string;
  readonly timeMs: number;
  readonly [field: string]: unknown;
}

export interface MemberOptions {
  readonly name: string;
  readonly argv: readonly string[];
  /** Words before those: where it runs. It is then their child. */
  readonly within?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Gets what its lives log. */
  readonly log: string;
  /** How long it stays away when it was killed. */
  readonly awayMs: () => number;
  readonly take?: (told: Told) => void;
}

/** A worker there is in a process namespace of its own, so that it takes the master for another machine: batches go over links. */
export const ALONE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"] as const;

export class Member {
  readonly name: string;
  /** Resolves with the exit code when it has ended without being killed, or was closed. */
  readonly ended: Promise<number>;
  readonly #options: MemberOptions;
  readonly #log: number;
  #child: Bun.Subprocess<"ignore", "pipe", number> | undefined;
  #isClosing = false;
  lives = 0;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.name = options.name;
    this.#log = openSync(options.log, "a");
    this.ended = this.#live().finally(() => closeSync(this.#log));
  }

  /** Of the life that runs now. */
  get pid(): number | undefined {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null) return undefined;
    return this.#options.within ? descendantsOfAllThreads(this.#child.pid)[1] : this.#child.pid;
  }

  /** Its children now. */
  hosts(): number[] {
    const { pid } = this;
    return pid === undefined ? [] : descendantsOfAllThreads(pid).slice(1);
  }

  /** False when it is not there. */
  signal(name: NodeJS.Signals): boolean {
    const { pid } = this;
    if (pid === undefined) return false;
    try {
      return process.kill(pid, name);
    } catch {
      return false; // it ended a moment before
    }
  }

  /** kill -9, and nobody starts it again. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.signal("SIGKILL");
    this.#child?.kill("SIGKILL");
    await this.ended;
  }

  async #live(): Promise<number> {
    const { argv, awayMs, env, within = [] } = this.#options;
    for (;;) {
      this.lives++;
      this.#child = Bun.spawn([...within, ...argv], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: this.#log,
        env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1", ...env }, // whatever ends the bench, nobody is left
      });
      await this.#read(this.#child.stdout);
      const code = await this.#child.exited;
      // What it ran within may say it in its own way.
      const isKilled = this.#child.signalCode !== null || within.length > 0;
      if (this.#isClosing || !isKilled) return code;
      await pause(systemClock, awayMs());
      if (this.#isClosing) return code;
    }
  }

  /** To its end, whole lines: the last one of a killed process may be half. */
  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#options.take?.(JSON.parse(line) as Told); // its own documented notices
    }
  }
}
