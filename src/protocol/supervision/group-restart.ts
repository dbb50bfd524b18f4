/**
 * A restart that takes others along (one_for_all, rest_for_one), from the failure to the moment at which its members may
 * start: who belongs to it, who is still to be stopped. Not here: the stopping and the starting.
 */
import { type Child, isAlive } from "./child-table.ts";

export class GroupRestart {
  /** Whose failure it is. */
  readonly lead: Child;
  /** They start on a tick at this time or later; undefined: as soon as all are gone. */
  readonly atMs: number | undefined;
  readonly #members: Set<Child>;
  readonly #toStop: Child[];
  /** Those who end for this restart's sake. Who was being ended before, for good, ends as it was to; it comes back too. */
  readonly #interrupted: Set<Child>;

  /** `members` in start order, the lead among them; `before` is the restart that this one takes in. */
  constructor(lead: Child, members: readonly Child[], atMs: number | undefined, before?: GroupRestart) {
    this.lead = lead;
    this.atMs = atMs;
    this.#members = new Set(members);
    this.#toStop = members.filter(isAlive);
    const isEnding = (child: Child): boolean => child.state.kind === "stopping" && !before?.interrupts(child);
    this.#interrupted = new Set(this.#toStop.filter((child) => !isEnding(child)));
  }

  get members(): ReadonlySet<Child> {
    return this.#members;
  }

  has(child: Child): boolean {
    return this.#members.has(child);
  }

  interrupts(child: Child): boolean {
    return this.#interrupted.has(child);
  }

  leaveOut(child: Child): void {
    this.#members.delete(child);
    this.#interrupted.delete(child);
  }

  /** The last started of those who still run; undefined when all are gone. Who was left out is being ended already. */
  nextToStop(): Child | undefined {
    while (this.#toStop.length > 0) {
      const last = this.#toStop.at(-1)!;
      if (isAlive(last)) return last;
      this.#toStop.pop();
    }
    return undefined;
  }
}
