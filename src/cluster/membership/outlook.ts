/**
 * The view that partitions are judged by, made from what the protocol knows: who is reachable, who is not, and the standing
 * that each has told of itself. Whoever failed and is then forgotten by the protocol stays missing here: a side that forgets
 * the other would take itself for whole. Standings that are not fresh count as from one who misses somebody.
 */
import type { Standing, ViewMember } from "../../protocol/partition/index.ts";
import type { Member } from "../../protocol/swim/index.ts";
import { bitsOf } from "./layout.ts";
import { LOST_MAX } from "./limits.ts";

/** Heard of, not heard from: nobody knows yet whether it has ever been settled. */
const UNHEARD: Standing = { status: "up", isSettled: false, isVoter: false, isWhole: true };

const NEVER = Number.NEGATIVE_INFINITY;

interface Heard {
  readonly standing: Standing;
  readonly atMs: number;
}

export class Outlook {
  readonly #freshMs: number;
  readonly #standings = new Map<string, Heard>();
  /** Signs of life over links. */
  readonly #beats = new Map<string, number>();
  /** Failed; first those the protocol still knows, then those it has forgotten. */
  readonly #failed = new Map<string, ViewMember>();

  /** `freshMs`: how old a standing may be. */
  constructor(freshMs: number) {
    this.#freshMs = freshMs;
  }

  /** Whether this is news. */
  hear(id: string, standing: Standing, atMs: number): boolean {
    const before = this.#standings.get(id)?.standing;
    this.#standings.set(id, { standing, atMs });
    return before === undefined || !isSameStanding(before, standing);
  }

  beat(id: string, atMs: number): void {
    this.#beats.set(id, atMs);
  }

  standingOf(id: string): Standing | undefined {
    return this.#standings.get(id)?.standing;
  }

  /** `givenUp`: those that need not be remembered any longer once the protocol forgets them. */
  view(members: readonly Member[], givenUp: readonly string[], nowMs: number): readonly ViewMember[] {
    const view = members.filter(({ state }) => state !== "left").map((member) => this.#viewOf(member, nowMs));
    for (const { id } of members) this.#failed.delete(id);
    for (const id of givenUp) this.#failed.delete(id);
    const forgotten = [...this.#failed.values()];
    this.#remember(view.filter(({ state }) => state === "unreachable"));
    const known = new Set(members.map(({ id }) => id));
    for (const heard of [this.#standings, this.#beats]) {
      for (const id of heard.keys()) if (!known.has(id)) heard.delete(id);
    }
    return [...view, ...forgotten];
  }

  #viewOf({ bornMs, id, meta, state }: Member, nowMs: number): ViewMember {
    const isUp = state === "alive" || state === "suspect";
    if (!isUp) {
      this.#standings.delete(id);
      return { id, bornMs, roles: meta.roles, state: "unreachable" };
    }
    const heardMs = Math.max(this.#standings.get(id)?.atMs ?? NEVER, this.#beats.get(id) ?? NEVER);
    return { id, bornMs, roles: meta.roles, state: "up", standing: this.#freshStanding(id, nowMs), heardMs };
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
