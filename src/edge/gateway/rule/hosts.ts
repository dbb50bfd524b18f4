/**
 * The hosts of some files of rules: so many decide, one more stands by and takes the place of one that dies. A question goes to the host
 * that has the fewest; what a dead host had not begun with goes to another one. A file for which a host had to be killed that others decide in,
 * too, gets hosts of its own: whoever asks for a rule that never ends harms that rule alone.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import { RuleHost } from "./host.ts";
import {
  ASKED_MAX,
  MOVES_MAX,
  RESTART_MS_MAX,
  RESTART_MS_MIN,
  STRIKES_MAX,
  WAIT_MS_MAX,
  WAITING_MAX,
} from "./limits.ts";
import type { Question } from "./question.ts";
import { Strikes } from "./strikes.ts";
import type { RuleFault, RuleFile, RulesOptions } from "./words.ts";

/** While one is killed the other one decides. */
const HOSTS = 2;

export class RuleHosts {
  readonly #files: readonly RuleFile[];
  readonly #options: RulesOptions;
  readonly #clock: Clock;
  readonly #wanted: number;
  readonly #ready: RuleHost[] = [];
  readonly #starting = new Set<RuleHost>();
  readonly #strikes = new Strikes();
  /** Hosts of files that have parted from the others. */
  readonly #parted = new Map<number, RuleHosts>();
  #spare: RuleHost | undefined;
  #waiting: Question[] = [];
  #late: Timer | undefined;
  #restart: Timer | undefined;
  #restartMs = RESTART_MS_MIN;
  #restarts = 0;
  /** Hosts that are started when the first one decides: all at once would take as long as all of them. */
  #unstarted = 0;
  #isClosed = false;

  private constructor(files: readonly RuleFile[], options: RulesOptions) {
    this.#files = files;
    this.#options = options;
    this.#clock = options.clock;
    this.#wanted = options.hosts ?? HOSTS;
  }

  /** Starts them; gives what is wrong with the files when anything is: nothing runs then. Fails when no host starts. */
  static async start(files: readonly RuleFile[], options: RulesOptions): Promise<RuleHosts | readonly RuleFault[]> {
    const hosts = new RuleHosts(files, options);
    try {
      const all = await Promise.all(Array.from({ length: hosts.#wanted + 1 }, () => hosts.#startOne()));
      const faults = all[0]!;
      if (faults.length === 0) return hosts;
      await hosts.close();
      return faults;
    } catch (thrown) {
      await hosts.close();
      throw thrown;
    }
  }

  /** Like `start`, but nobody waits: what is asked until then waits for the first of them. Of files that have been loaded before. */
  static startSoon(files: readonly RuleFile[], options: RulesOptions): RuleHosts {
    const hosts = new RuleHosts(files, options);
    hosts.#unstarted = hosts.#wanted;
    hosts.#startAnother();
    return hosts;
  }

  ask(question: Question): void {
    const parted = this.#parted.get(question.file);
    if (parted !== undefined) {
      question.file = 0; // the only one there
      return parted.ask(question);
    }
    if (this.#isClosed) return question.failed(busy("the rules are closed"));
    if (this.#strikes.rests(question.file, this.#clock.monotonic()))
      return question.failed(busy(`it had to be killed ${STRIKES_MAX} times, and rests`));
    const host = this.#waiting.length === 0 ? this.#idlest() : undefined;
    if (host !== undefined) return host.ask(question);
    if (this.#waiting.length >= WAITING_MAX) return question.failed(busy(`${WAITING_MAX} decisions wait already`));
    question.sinceMs = this.#clock.monotonic();
    this.#waiting.push(question);
    this.#late ??= this.#clock.after(WAIT_MS_MAX, () => this.#dropLate());
  }

  counts(): {
    readonly hosts: number;
    readonly restarts: number;
    readonly waiting: number;
    readonly pids: readonly number[];
  } {
    const all = [...this.#parted.values()].map((hosts) => hosts.counts());
    const sum = (of: (counts: (typeof all)[number]) => number) => all.reduce((total, counts) => total + of(counts), 0);
    return {
      hosts: this.#ready.length + sum(({ hosts }) => hosts),
      restarts: this.#restarts + sum(({ restarts }) => restarts),
      waiting: this.#waiting.length + sum(({ waiting }) => waiting),
      pids: [...this.#ready.map(({ pid }) => pid), ...all.flatMap(({ pids }) => pids)],
    };
  }

  /** What waits fails; what was asked too. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#late?.cancel();
    this.#restart?.cancel();
    for (const question of this.#waiting.splice(0)) question.failed(busy("the rules are closed"));
    const all = [...this.#ready, ...this.#starting, ...(this.#spare === undefined ? [] : [this.#spare])];
    for (const host of all) host.dismiss();
    const parted = [...this.#parted.values()].map((hosts) => hosts.close());
    await Promise.all([...all.map(({ exited }) => exited), ...parted]);
  }

  /** With room for another question. */
  #idlest(): RuleHost | undefined {
    let best: RuleHost | undefined;
    for (const host of this.#ready) if (host.isAlive && host.inFlight < (best?.inFlight ?? ASKED_MAX)) best = host;
    return best;
  }

  async #startOne(): Promise<readonly RuleFault[]> {
    const host = new RuleHost(this.#files, this.#options, {
      answered: () => this.#serveWaiting(),
      late: ({ file }) => this.#struck(file),
      ended: (ended, unasked) => this.#ended(ended, unasked),
    });
    this.#starting.add(host);
    try {
      const faults = await host.start();
      if (faults.length === 0 && host.isAlive) this.#joins(host);
      return faults;
    } finally {
      this.#starting.delete(host);
    }
  }

  /** A host is killed because of this file. Before what it had not begun with is asked for again. */
  #struck(file: number): void {
    this.#strikes.kill(file, this.#clock.monotonic());
    if (this.#files.length === 1 || this.#parted.has(file) || this.#isClosed) return;
    this.#parted.set(file, RuleHosts.startSoon([this.#files[file]!], this.#options));
    const own = this.#waiting.filter((question) => question.file === file);
    this.#waiting = this.#waiting.filter((question) => question.file !== file);
    for (const question of own) this.ask(question);
  }

  #joins(host: RuleHost): void {
    this.#restartMs = RESTART_MS_MIN;
    if (this.#ready.length < this.#wanted) this.#ready.push(host);
    else this.#spare = host;
    this.#serveWaiting();
    for (; this.#unstarted > 0; this.#unstarted--) this.#startAnother();
  }

  #ended(host: RuleHost, unasked: readonly Question[]): void {
    if (this.#isClosed) {
      for (const question of unasked) question.failed(busy("the rules are closed"));
      return;
    }
    const place = this.#ready.indexOf(host);
    const wasReady = place >= 0 || this.#spare === host; // one that was still starting has failed at that
    if (place >= 0) this.#ready.splice(place, 1);
    if (this.#spare === host) this.#spare = undefined;
    if (place >= 0 && this.#spare !== undefined) {
      this.#ready.push(this.#spare);
      this.#spare = undefined;
    }
    for (const question of unasked) this.#move(question);
    if (wasReady) this.#replace();
  }

  #move(question: Question): void {
    question.moves++;
    if (question.moves <= MOVES_MAX) this.ask(question);
    else question.failed(busy(`${MOVES_MAX} hosts died before it was its turn`));
  }

  /** One is missing: at once, or later when the last ones ended before they were ready. */
  #replace(): void {
    if (this.#isClosed) return;
    this.#restarts++;
    this.#startAnother();
  }

  #startAnother(): void {
    this.#startOne().then(
      (faults) => {
        if (faults.length > 0) this.#replaceLater(faults.map(({ message, path }) => `${path}: ${message}`).join("; "));
      },
      (thrown: unknown) => this.#replaceLater(messageOf(thrown)),
    );
  }

  #replaceLater(reason: string): void {
    if (this.#isClosed) return;
    this.#options.onEvent?.({ kind: "printed", line: `a host of rules could not be started: ${reason}` });
    this.#restart = this.#clock.after(this.#restartMs, () => this.#replace());
    this.#restartMs = Math.min(2 * this.#restartMs, RESTART_MS_MAX);
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const host = this.#idlest();
      if (host === undefined) return;
      host.ask(this.#waiting.shift()!);
    }
  }

  #dropLate(): void {
    this.#late = undefined;
    const nowMs = this.#clock.monotonic();
    while (this.#waiting.length > 0 && this.#waiting[0]!.sinceMs + WAIT_MS_MAX <= nowMs)
      this.#waiting.shift()!.failed(busy(`no host was free within ${WAIT_MS_MAX} ms`));
    const first = this.#waiting[0];
    if (first !== undefined)
      this.#late = this.#clock.after(first.sinceMs + WAIT_MS_MAX - nowMs, () => this.#dropLate());
  }
}

function busy(why: string): Failure {
  return new Failure("gateway.rule_busy", `the rule was not asked: ${why}`, { retryable: true });
}
