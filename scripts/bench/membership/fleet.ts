/** A fleet of member processes of one make, and what each of them has said about the others, with the time we read it. */
import { systemClock } from "../../../src/base/clock.ts";

export type Opinion = "alive" | "suspect" | "dead";

/** What one member says of another. */
export interface Sighting {
  readonly observer: string;
  readonly about: string;
  readonly opinion: Opinion;
  /** By the bench's monotonic clock. */
  readonly atMs: number;
}

export interface Said {
  readonly about: string;
  readonly opinion: Opinion;
}

/** One make of member. */
export interface Make {
  readonly label: string;
  /** The command of a member, and where others reach it afterwards. */
  command(
    name: string,
    port: number,
    seed: string | undefined,
  ): { readonly argv: readonly string[]; readonly address: string };
  /** What a line of its output says, if anything. */
  read(line: string): Said | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

interface Member {
  readonly name: string;
  readonly port: number;
  child: Bun.Subprocess<"ignore", "pipe", "ignore">;
}

/** Nothing of ours or theirs takes longer; beyond it the fleet is taken to be broken. */
const WAIT_MS_MAX = 120_000;

export class Fleet {
  readonly #make: Make;
  readonly #members = new Map<string, Member>();
  readonly #views = new Map<string, Map<string, Opinion>>();
  readonly #watchers = new Set<() => void>();
  readonly sightings: Sighting[] = [];
  #seed: string | undefined;

  constructor(make: Make) {
    this.#make = make;
  }

  get names(): readonly string[] {
    return [...this.#members.keys()];
  }

  get pids(): readonly number[] {
    return [...this.#members.values()].map(({ child }) => child.pid);
  }

  /** Starts a member, or starts one anew that was killed. */
  start(name: string, port: number): void {
    const { argv, address } = this.#make.command(name, port, this.#seed);
    this.#seed ??= address;
    const env = { ...process.env, ...this.#make.env };
    const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "ignore", env });
    this.#members.set(name, { name, port, child });
    this.#views.set(name, new Map());
    void this.#listen(name, child);
  }

  /** SIGKILL; gives back when, and the port to start it on again. */
  kill(name: string): { readonly atMs: number; readonly port: number } {
    const member = this.#members.get(name)!;
    this.#members.delete(name);
    this.#views.delete(name);
    if (this.#seed?.endsWith(`:${member.port}`)) this.#seed = this.#otherSeed();
    const atMs = systemClock.monotonic();
    member.child.kill("SIGKILL");
    return { atMs, port: member.port };
  }

  /**
   * Resolves when each member that runs is of that opinion about all of `names`; rejects when that takes too long. One that is
   * suspected counts as alive: Serf does not say when it drops a suspicion.
   */
  async agree(names: readonly string[], opinion: "alive" | "dead"): Promise<void> {
    const isHeld = (held: Opinion | undefined): boolean =>
      held === opinion || (held === "suspect" && opinion === "alive");
    const isSo = (): boolean =>
      [...this.#views].every(([observer, view]) => names.every((name) => name === observer || isHeld(view.get(name))));
    await this.#until(isSo, `all to hold ${names.length} members for ${opinion}`);
  }

  async stop(): Promise<void> {
    const children = [...this.#members.values()].map(({ child }) => child);
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
  }

  #otherSeed(): string | undefined {
    const other = [...this.#members.values()][0];
    return other && this.#make.command(other.name, other.port, undefined).address;
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const done = Promise.withResolvers<void>();
    const look = (): void => {
      if (isSo()) done.resolve();
    };
    const timer = systemClock.after(WAIT_MS_MAX, () => done.reject(new Error(`waited ${WAIT_MS_MAX} ms for ${what}`)));
    this.#watchers.add(look);
    look();
    try {
      await done.promise;
    } finally {
      timer.cancel();
      this.#watchers.delete(look);
    }
  }

  async #listen(observer: string, child: Member["child"]): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of child.stdout) {
      const atMs = systemClock.monotonic();
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#note(observer, child, line, atMs);
    }
  }

  #note(observer: string, child: Member["child"], line: string, atMs: number): void {
    const said = this.#make.read(line);
    if (!said || this.#members.get(observer)?.child !== child) return;
    const view = this.#views.get(observer)!;
    if (said.opinion === "suspect" && view.get(said.about) === "dead") return; // a probe that was under way; no news
    view.set(said.about, said.opinion);
    this.sightings.push({ observer, ...said, atMs });
    for (const look of this.#watchers) look();
  }
}
