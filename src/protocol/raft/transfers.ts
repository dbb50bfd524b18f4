/**
 * Handing leadership over (§3.10 of the dissertation): proposals wait outside until the target has the whole log, then it is told to stand
 * at once. Given up after an election time-out. Whether it has worked is known when somebody leads, so this outlives the leadership.
 */
import { isVoter } from "./configuration.ts";
import type { Core } from "./core.ts";
import type { NodeId, Refusal } from "./messages.ts";
import type { Replication } from "./replication.ts";

interface Transfer {
  readonly id: number;
  readonly to: NodeId;
  readonly dueMs: number;
  isTold: boolean;
}

export class Transfers {
  readonly #core: Core;
  #current: Transfer | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  get isUnderWay(): boolean {
    return this.#current !== undefined;
  }

  get dueMs(): number {
    return this.#current?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** Goes on with `advance`. */
  start(id: number, to: NodeId): void {
    const core = this.#core;
    if (to === core.id) return core.emit({ type: "done", id });
    if (!isVoter(core.configuration, to)) return core.refuse(id, "invalid");
    if (this.#current !== undefined) return core.refuse(id, "in_progress");
    this.#current = { id, to, dueMs: core.nowMs + core.options.electionMaxMs, isTold: false };
  }

  /** Has the target everything? Then it is told to stand. Has it been told just now? */
  advance(replication: Replication): boolean {
    const core = this.#core;
    const transfer = this.#current;
    if (transfer === undefined || transfer.isTold || core.state !== "leader") return false;
    const follower = replication.followers.get(transfer.to);
    if (follower === undefined || follower.match < core.log.lastIndex) return false;
    transfer.isTold = true;
    core.send(transfer.to, { type: "timeoutNow", term: core.term });
    return true;
  }

  tick(): void {
    if (this.#current !== undefined && this.#core.nowMs >= this.#current.dueMs) this.#giveUp("timed_out");
  }

  /** The step is over: is there a leader by whom the outcome is known? */
  check(): void {
    const { id, leader, state } = this.#core;
    const transfer = this.#current;
    if (transfer === undefined || state === "leader" || leader === undefined || leader === id) return;
    if (leader !== transfer.to) return this.#giveUp("lost_leadership");
    this.#core.emit({ type: "done", id: transfer.id });
    this.#current = undefined;
  }

  #giveUp(reason: Refusal): void {
    this.#core.refuse(this.#current!.id, reason);
    this.#current = undefined;
  }
}
