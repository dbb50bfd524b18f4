/** Who may take an item: the workers, and which of them stand to choice. */

import { FAILURES_MAX } from "./options.ts";
import type { Entry, Group, Worker } from "./records.ts";
import type { LeaseRules } from "./rules.ts";

export class Placement {
  readonly workers = new Map<string, Worker>();
  readonly #rules: LeaseRules;

  constructor(rules: LeaseRules) {
    this.#rules = rules;
  }

  /** Those that may be given work, room or not. */
  open(nowMs: number): Worker[] {
    const open: Worker[] = [];
    for (const worker of this.workers.values()) if (worker.isOpen(nowMs)) open.push(worker);
    return open;
  }

  hasRoom(worker: Worker): boolean {
    return this.#rules.hasRoom(worker.leases.size, worker.window);
  }

  /** Those of `open` that may take the items of a group now. Who has failed them may only when all have. */
  candidates({ failedOn, pinned }: Group, open: readonly Worker[]): Worker[] {
    if (pinned !== undefined) return open.filter((worker) => worker.id === pinned && this.hasRoom(worker));
    const fresh = failedOn.size === 0 ? open : open.filter(({ id }) => !this.#rules.avoids(failedOn, id));
    return (fresh.length === 0 ? open : fresh).filter((worker) => this.hasRoom(worker));
  }

  /** Those that may do it as well: somebody else, who has not failed it. */
  seconds({ active, failedOn }: Entry, open: readonly Worker[]): Worker[] {
    const holder = active[0]!.worker;
    return open.filter((worker) => worker !== holder && !failedOn.has(worker.id) && this.hasRoom(worker));
  }

  /** Would nobody else be asked if this worker failed it? */
  isLastResort({ failedOn, failures, item }: Entry, chosen: Worker, open: readonly Worker[]): boolean {
    if (item.pinned !== undefined || failures + 1 >= FAILURES_MAX) return true;
    return !open.some((worker) => worker !== chosen && !failedOn.has(worker.id));
  }
}
