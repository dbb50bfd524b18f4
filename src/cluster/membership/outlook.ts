/**
 * The view that partitions are judged by, made from what the protocol knows: who is reachable, who is not, and the standing
 * that each has told of itself. Whoever failed and is then forgotten by the protocol stays missing here: a side that forgets
 * the other would take itself for whole. Standings that are not fresh count as from one who misses somebody.
 *
 * Silence is noticed here sooner than by the protocol, which doubts itself first: the losing side must not be the last to find
 * out. One that hears from nobody at all is cut off; a suspect that is not heard from gets no longer than one that others
 * suspect as well; and once anybody is in doubt, so is whoever is not heard from from then on, and was not in two rounds of
 * probes. One word of a member ends its silence.
 */
import type { Standing, ViewMember } from "../../protocol/partition/index.ts";
import type { Member } from "../../protocol/swim/index.ts";
import { bitsOf } from "./layout.ts";
import { LOST_MAX } from "./limits.ts";

/** Heard of, not heard from: nobody knows yet whether it has ever been settled. */
const UNHEARD: Standing = { status: "up", isSettled: false, isVoter: false, isWhole: true };

/** Looks while a silence lasts: it is noticed by that share later at most. */
export const LOOKS_PER_SILENCE = 8;

const NEVER = Number.NEGATIVE_INFINITY;

/** In a round of probes each probes each other once; between two probes of one there are two rounds at most: first, then last. */
const SILENT_ROUNDS = 2;

/** In that time everybody has heard from everybody, when all are well. */
export function roundsMs(nodes: number, probeIntervalMs: number): number {
  return SILENT_ROUNDS * nodes * probeIntervalMs;
}

export interface OutlookOptions {
  /** How old a standing may be. */
  readonly freshMs: number;
  /** How long a silence of all, or of a suspect, lasts until it counts. */
  readonly silentMs: number;
  /** How long one that was heard in the middle of doubts may be silent: its health may be at its worst. At least `silentMs`. */
  readonly slowMs: number;
  readonly probeIntervalMs: number;
}

interface Heard {
  readonly standing: Standing;
  readonly atMs: number;
}

export class Outlook {
  readonly #selfId: string;
  readonly #freshMs: number;
  readonly #silentMs: number;
  readonly #slowMs: number;
  readonly #probeIntervalMs: number;
  readonly #standings = new Map<string, Heard>();
  /** Signs of life over links. */
  readonly #beats = new Map<string, number>();
  /** When the last sign of life came, from whomever. */
  #heardMs = Number.POSITIVE_INFINITY;
  /** Since when each suspect is known as one. */
  readonly #suspectedMs = new Map<string, number>();
  /** Since when somebody is suspect, or missing and not given up. */
  #doubtMs = Number.POSITIVE_INFINITY;
  #roundsMs = Number.POSITIVE_INFINITY;
  /** Unreachable in the last view, though the protocol still hopes. */
  readonly #silent = new Set<string>();
  /** Failed; first those the protocol still knows, then those it has forgotten. */
  readonly #failed = new Map<string, ViewMember>();

  constructor(selfId: string, { freshMs, probeIntervalMs, silentMs, slowMs }: OutlookOptions) {
    this.#selfId = selfId;
    this.#freshMs = freshMs;
    this.#silentMs = silentMs;
    this.#slowMs = slowMs;
    this.#probeIntervalMs = probeIntervalMs;
  }

  /** Whether this is news. */
  hear(id: string, standing: Standing, atMs: number): boolean {
    const before = this.#standings.get(id)?.standing;
    this.#standings.set(id, { standing, atMs });
    this.#heardMs = atMs;
    return before === undefined || !isSameStanding(before, standing) || this.#silent.has(id);
  }

  /** Whether this is news. */
  beat(id: string, atMs: number): boolean {
    this.#beats.set(id, atMs);
    this.#heardMs = atMs;
    return this.#silent.has(id);
  }

  /** When it is worth another look, though nothing happens until then. */
  lookAgainMs(nowMs: number): number {
    if (this.#doubtMs <= nowMs) return nowMs + this.#silentMs / LOOKS_PER_SILENCE;
    const aloneMs = this.#heardMs + this.#silentMs;
    return aloneMs > nowMs ? aloneMs : Number.POSITIVE_INFINITY;
  }

  standingOf(id: string): Standing | undefined {
    return this.#standings.get(id)?.standing;
  }

  /** `givenUp`: those that need not be remembered any longer once the protocol forgets them. */
  view(members: readonly Member[], givenUp: readonly string[], nowMs: number): readonly ViewMember[] {
    for (const { id } of members) this.#failed.delete(id);
    for (const id of givenUp) this.#failed.delete(id);
    const forgotten = [...this.#failed.values()];
    this.#noteDoubts(members, new Set(givenUp), nowMs);
    const view = members.filter(({ state }) => state !== "left").map((member) => this.#viewOf(member, nowMs));
    this.#remember(view.filter(({ state }) => state === "unreachable"));
    const known = new Set(members.map(({ id }) => id));
    for (const heard of [this.#standings, this.#beats, this.#silent]) {
      for (const id of heard.keys()) if (!known.has(id)) heard.delete(id);
    }
    return [...view, ...forgotten];
  }

  #viewOf({ bornMs, id, meta, state }: Member, nowMs: number): ViewMember {
    const isUp = state === "alive" || state === "suspect";
    if (!isUp) {
      this.#standings.delete(id);
      this.#silent.delete(id);
      return { id, bornMs, roles: meta.roles, state: "unreachable" };
    }
    if (id !== this.#selfId && this.#isSilent(id, nowMs)) {
      this.#silent.add(id);
      return { id, bornMs, roles: meta.roles, state: "unreachable" };
    }
    this.#silent.delete(id);
    const standing = this.#freshStanding(id, nowMs);
    return { id, bornMs, roles: meta.roles, state: "up", standing, heardMs: this.#heardOfMs(id) };
  }

  #isSilent(id: string, nowMs: number): boolean {
    // Two that are cut off together are slow to write each other: their health is bad.
    const aloneMs = this.#heardMs < this.#doubtMs ? this.#silentMs : this.#slowMs;
    if (nowMs >= this.#heardMs + aloneMs) return true;
    const heardMs = this.#heardOfMs(id);
    const suspectedMs = this.#suspectedMs.get(id);
    if (suspectedMs !== undefined && nowMs >= Math.max(suspectedMs, heardMs) + this.#silentMs) return true;
    // Whom it has never heard it may have met just now, and whoever was heard since is only slow: many are at such a time.
    if (heardMs === NEVER || heardMs >= this.#doubtMs) return false;
    return nowMs >= Math.max(heardMs + this.#roundsMs, this.#doubtMs + this.#silentMs);
  }

  #heardOfMs(id: string): number {
    return Math.max(this.#standings.get(id)?.atMs ?? NEVER, this.#beats.get(id) ?? NEVER);
  }

  #noteDoubts(members: readonly Member[], givenUp: ReadonlySet<string>, nowMs: number): void {
    const suspects = new Set<string>();
    let [reachable, missing] = [0, this.#failed.size];
    for (const { id, state } of members) {
      if (state === "suspect") suspects.add(id);
      if (state === "alive" || state === "suspect") reachable++;
      else if (state === "dead" && !givenUp.has(id)) missing++;
    }
    for (const id of this.#suspectedMs.keys()) if (!suspects.has(id)) this.#suspectedMs.delete(id);
    for (const id of suspects) if (!this.#suspectedMs.has(id)) this.#suspectedMs.set(id, nowMs);
    this.#doubtMs = suspects.size + missing > 0 ? Math.min(this.#doubtMs, nowMs) : Number.POSITIVE_INFINITY;
    this.#roundsMs = Math.max(this.#silentMs, roundsMs(reachable, this.#probeIntervalMs));
  }

  #freshStanding(id: string, nowMs: number): Standing {
    const heard = this.#standings.get(id);
    if (!heard) return UNHEARD;
    return nowMs - heard.atMs <= this.#freshMs ? heard.standing : { ...heard.standing, isVoter: false, isWhole: true };
  }

  #remember(unreachable: readonly ViewMember[]): void {
    for (const each of unreachable) {
      if (this.#failed.size >= LOST_MAX) return;
      this.#failed.set(each.id, each);
    }
  }
}

function isSameStanding(a: Standing, b: Standing): boolean {
  return bitsOf(a) === bitsOf(b);
}
