/**
 * Who dies when: every so often one process, chosen by the seed, is killed with -9: a plugin host, a worker or the master; in
 * seeds with pauses now and then a worker, or the master, is stopped instead and let go on later, which for the others is a silence like a
 * partition's, and a late return.
 */
import { systemClock, type Timer } from "../../../src/base/clock.ts";
import type { Random } from "../../../src/base/random.ts";
import type { Member } from "./member.ts";

export const KINDS = ["host", "worker", "master", "pause"] as const;
export type Kind = (typeof KINDS)[number];

export interface Deed {
  readonly kind: Kind;
  /** The member's name; of a host that of its worker. */
  readonly member: string;
  readonly timeMs: number;
  /** Of a pause. */
  readonly forMs?: number;
}

export interface MischiefOptions {
  readonly random: Random;
  readonly everyMs: number;
  readonly hasPauses: boolean;
  /** After so many there is peace, however long the work takes. */
  readonly deedsMax?: number | undefined;
  readonly leaseMs: number;
  readonly master: Member;
  readonly workers: readonly Member[];
  /** Rises as the work goes on. */
  readonly progress: () => number;
}

/**
 * So many deeds may strike in a row while nothing goes on, into one recovery after the other; then there is peace until something does. On
 * a busy machine a recovery takes longer than `everyMs`: nothing would ever go on, and it would be nobody's fault.
 */
const IN_VAIN_MAX = 4;
/** Of ten deeds; the rest strike the master. */
const HOSTS = 5;
const WORKERS = 3;
/** With pauses, one deed in so many. */
const PAUSE_ONE_IN = 4;
/** And one pause in so many is the master's. */
const MASTER_PAUSE_ONE_IN = 6;
/** Times the lease: some end before anybody has noticed. */
const PAUSE_LEASES_MAX = 3;

export class Mischief {
  readonly deeds: Deed[] = [];
  readonly #options: MischiefOptions;
  readonly #paused = new Map<Member, Timer>();
  #timer: Timer | undefined;
  #progressed = 0;
  /** Deeds since then. */
  #inVain = 0;

  constructor(options: MischiefOptions) {
    this.#options = options;
    this.#next();
  }

  /** No more, and whoever is stopped goes on. */
  stop(): void {
    this.#timer?.cancel();
    for (const member of this.#paused.keys()) this.#goOn(member);
  }

  count(kind: Kind): number {
    return this.deeds.filter((deed) => deed.kind === kind).length;
  }

  #next(): void {
    const { everyMs, random } = this.#options;
    // Half of it to one and a half: never in step with anything that happens regularly.
    const inMs = everyMs / 2 + random.below(everyMs);
    this.#timer = systemClock.after(inMs, () => {
      if (this.#mayStrike()) this.#strike();
      this.#next();
    });
  }

  #mayStrike(): boolean {
    if (this.deeds.length >= (this.#options.deedsMax ?? Number.POSITIVE_INFINITY)) return false;
    const progress = this.#options.progress();
    if (progress > this.#progressed) this.#inVain = 0;
    this.#progressed = Math.max(this.#progressed, progress); // a recovery may go back first
    return this.#inVain < IN_VAIN_MAX;
  }

  #strike(): void {
    const { hasPauses, master, random, workers } = this.#options;
    const [lot, worker] = [random.below(HOSTS + WORKERS + 2), workers[random.below(workers.length)]!];
    if (hasPauses && random.below(PAUSE_ONE_IN) === 0) {
      return this.#pause(random.below(MASTER_PAUSE_ONE_IN) === 0 ? master : worker);
    }
    if (lot < HOSTS) return this.#killHost(worker);
    const [kind, member] = lot < HOSTS + WORKERS ? (["worker", worker] as const) : (["master", master] as const);
    if (member.signal("SIGKILL")) this.#note({ kind, member: member.name });
  }

  #killHost(worker: Member): void {
    const hosts = worker.hosts();
    const pid = hosts[this.#options.random.below(Math.max(1, hosts.length))];
    if (pid === undefined) return;
    try {
      process.kill(pid, "SIGKILL");
      this.#note({ kind: "host", member: worker.name });
    } catch {
      // it ended a moment before
    }
  }

  #pause(member: Member): void {
    const { leaseMs, random } = this.#options;
    const forMs = random.below(leaseMs * PAUSE_LEASES_MAX);
    if (this.#paused.has(member) || !member.signal("SIGSTOP")) return;
    this.#note({ kind: "pause", member: member.name, forMs });
    this.#paused.set(
      member,
      systemClock.after(forMs, () => this.#goOn(member)),
    );
  }

  /** Its next life, if it was killed meanwhile, does not mind. */
  #goOn(member: Member): void {
    this.#paused.get(member)?.cancel();
    this.#paused.delete(member);
    member.signal("SIGCONT");
  }

  #note(deed: Omit<Deed, "timeMs">): void {
    this.#inVain++;
    this.deeds.push({ ...deed, timeMs: systemClock.now() });
  }
}
