/**
 * Runs one command again and again until it has ended by itself, and kills (-9) its processes on the way: hosts, and now
 * and then the main process. Kills are paced by the growth of the output, so that a slow machine gets as many as a fast
 * one, with a seeded delay on top, so that they strike anywhere in a batch; some follow each other at once, into a recovery.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import type { Random } from "../../src/base/random.ts";
import { killHard } from "./processes.ts";
import type { Ended, Program } from "./program.ts";

export interface ChaosOptions {
  start(): Program;
  readonly random: Random;
  readonly kills: number;
  /** Grows to `outputBytes` in an undisturbed run. */
  readonly outputPath: string;
  readonly outputBytes: number;
  /** Hosts write a file named STAGE.PID here in `init`. */
  readonly pidDirectory: string;
  /** Its hosts die with the main process only. */
  readonly sparedStage: string;
}

export interface ChaosReport {
  readonly hostKills: number;
  readonly mainKills: number;
  readonly last: Ended;
}

/** One kill in so many strikes the main process: with it ten times as many processes begin anew as with a host. */
const MAIN_KILL_ONE_IN = 8;
/** One kill in so many follows the one before without waiting for progress. */
const DOUBLE_KILL_ONE_IN = 5;
/** Longest seeded delay before a strike: about two batches. */
const DELAY_MS_MAX = 30;
const LOOK_EVERY_MS = 2;
/** Without growth for so long, something hangs. */
const STALL_MS = 60_000;

export async function runThroughChaos(options: ChaosOptions): Promise<ChaosReport> {
  const chaos = new Chaos(options);
  for (;;) {
    await using program = options.start();
    const last = await chaos.disturb(program);
    if (last.signal === null) return { hostKills: chaos.hostKills, mainKills: chaos.mainKills, last };
  }
}

class Chaos {
  hostKills = 0;
  mainKills = 0;
  readonly #options: ChaosOptions;
  #largestBytes = 0;

  constructor(options: ChaosOptions) {
    this.#options = options;
  }

  /** Until the program has ended, by itself or by us. */
  async disturb(program: Program): Promise<Ended> {
    const before = new Set(this.#pidFiles());
    while (program.running && this.#kills < this.#options.kills) {
      if (!(await this.#isTime(program, before))) break;
      await this.#strike(program);
    }
    const stalled = Bun.sleep(STALL_MS).then(() => Promise.reject(new Error(`no end:\n${program.stderr}`)));
    return Promise.race([program.done, stalled]);
  }

  get #kills(): number {
    return this.hostKills + this.mainKills;
  }

  /** True when the next kill is due, false when the program has ended before. */
  async #isTime(program: Program, before: ReadonlySet<string>): Promise<boolean> {
    const { kills, outputBytes, random } = this.#options;
    const follows = this.#kills > 0 && random.below(DOUBLE_KILL_ONE_IN) === 0;
    // The last twentieth is left in peace: the run must not end before the last kill.
    const dueBytes = follows ? 0 : (this.#kills / kills) * 0.95 * outputBytes;
    const delayMs = random.below(DELAY_MS_MAX);
    const giveUpMs = performance.now() + STALL_MS;
    while (program.running) {
      if (this.#hasBegun(before) && this.#grown() >= dueBytes) {
        await Bun.sleep(delayMs);
        return program.running;
      }
      if (performance.now() > giveUpMs) throw new Error(`no progress for ${STALL_MS} ms:\n${program.stderr}`);
      await Bun.sleep(LOOK_EVERY_MS);
    }
    return false;
  }

  async #strike(program: Program): Promise<void> {
    const { random } = this.#options;
    if (random.below(MAIN_KILL_ONE_IN) === 0) {
      this.mainKills++;
      await program.killHard();
      return;
    }
    const spared = this.#sparedPids();
    const targets = program.hosts().filter((pid) => !spared.has(pid));
    const target = targets[random.below(targets.length)];
    if (target !== undefined && killHard(target)) this.hostKills++;
  }

  /** Before the first `init` the hosts only tell what they are; a command that cannot learn that is right to refuse. */
  #hasBegun(before: ReadonlySet<string>): boolean {
    return this.#pidFiles().some((name) => !before.has(name));
  }

  #grown(): number {
    const { outputPath } = this.#options;
    const bytes = existsSync(outputPath) ? statSync(outputPath).size : 0;
    this.#largestBytes = Math.max(this.#largestBytes, bytes);
    return this.#largestBytes;
  }

  #sparedPids(): ReadonlySet<number> {
    const prefix = `${this.#options.sparedStage}.`;
    const names = this.#pidFiles().filter((name) => name.startsWith(prefix));
    return new Set(names.map((name) => Number(name.slice(prefix.length))));
  }

  #pidFiles(): string[] {
    return readdirSync(this.#options.pidDirectory);
  }
}
