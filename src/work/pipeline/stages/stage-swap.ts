/**
 * One exchange of a stage's plugin under full load: a new host beside the old, lane by lane. A candidate that does not load,
 * is not what was checked, or refuses its parameters changes nothing. Then the lane takes no more batches; when nothing is
 * inside, the old host gives its state, the new one takes it, and the lane goes on. The first batch is a trial, and for a
 * while after it the old host stays in reserve with the state it had: going back costs no more than going forth.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { KeeperTrial, LaneKeeper, Successor } from "./lane-keeper.ts";
import type { Sent, Tried } from "./lane-request.ts";
import { type ReplayEntry, ReplayLog } from "./replay-log.ts";
import { secondOpinion } from "./second-opinion.ts";
import type { StageHost } from "./stage-host.ts";
import { drain, type Move, prepare, type SwapPorts, takeState, untilJudged, untilServing } from "./swap-steps.ts";
import type { StageEvent, StagePlan } from "./types.ts";

export interface SwapReport {
  readonly stage: string;
  /** Libraries. */
  readonly from: string;
  readonly to: string;
  readonly lanes: number;
  /** restored: the new plugin goes on from the old one's. dropped: it keeps none. none: there was none. */
  readonly state: "restored" | "dropped" | "none";
  readonly tookMs: number;
  /** Longest time that a lane took no batch. */
  readonly heldMs: number;
  /** pending: no batch has come since. */
  readonly trial: "passed" | "pending";
}

export interface StageSwapPorts extends SwapPorts {
  /** A lane may be free again. */
  ready(): void;
}

/** Batches kept for going back; a host goes through this much in less than a second. */
const BRANCH_BYTES_MAX = 64 * 2 ** 20;
export class StageSwap {
  readonly to: StagePlan;
  readonly #ports: StageSwapPorts;
  readonly #exclusive: boolean;
  #from: StagePlan;
  #fromReplays: ReplayLog | undefined;
  readonly #moves: Move[] = [];
  readonly #failed = Promise.withResolvers<never>();
  readonly #stops: Promise<unknown>[] = [];
  #failure: Failure | undefined;
  #candidate: StageHost | undefined;
  #heldMs = 0;
  #over = false;
  #cancelled = false;

  /** `exclusive`: the old host has to clean up before the new one's `init`. */
  constructor(to: StagePlan, exclusive: boolean, ports: StageSwapPorts) {
    this.to = to;
    this.#ports = ports;
    this.#exclusive = exclusive;
    this.#from = ports.body.plan;
    this.#failed.promise.catch(() => {}); // whoever waits hears of it
  }

  /** Rejects when the new plugin fails a trial after `run`; `rollBack` is then to be called. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  get isPending(): boolean {
    return this.#moves.some(({ trial }) => trial === "pending");
  }

  /** Resolves when every lane's first batch has passed. */
  async proven(): Promise<void> {
    await Promise.all(this.#moves.map(({ judged }) => judged.promise));
  }

  /** False where the old plugin's state stands still while the new one works. */
  get canReturn(): boolean {
    return !this.from.stateful || this.to.stateful;
  }

  /** The plan that it goes back to. */
  get from(): StagePlan {
    return this.#from;
  }

  /**
   * Fails with `swap.refused`, and nothing has changed, or with `swap.rolled_back`, and everything is as it was. `prepared` is
   * awaited when a host of the new plan is ready, and may still exchange the old plan; `outgrown` is called when there is no
   * way back any more.
   */
  async run(prepared: () => Promise<void>, outgrown: () => void): Promise<SwapReport> {
    const { body, clock, keepers } = this.#ports;
    const startedMs = clock.monotonic();
    this.#ports.sample.want();
    this.#observe({ event: "swap_started", from: this.from.library, to: this.to.library });
    for (const keeper of keepers) {
      try {
        const candidate = keeper.running ? await this.#orFailed(this.#prepare()) : undefined;
        if (this.#moves.length === 0) await this.#begin(prepared);
        await this.#move(keeper, candidate, outgrown);
      } catch (thrown) {
        await this.#undo(thrown);
      }
    }
    if (body.plan !== this.to) this.#switchForth(outgrown);
    this.#ports.renewed();
    this.#observe({ event: "swapped", from: this.from.library, to: this.to.library, heldMs: this.#heldMs });
    return this.#report(clock.monotonic() - startedMs);
  }

  /** The old plugin works again, with all that has happened since. */
  async rollBack(why: Failure): Promise<void> {
    this.#over = true;
    for (const move of this.#moves) {
      if (this.#cancelled) break; // the stage stops, and the reserves with it
      if (move.trial !== "failed") await this.#moveBack(move);
      if (move.keeper.running) await untilServing(move.keeper, this.#ports);
    }
    this.#switchBack();
    this.#ports.renewed();
    const reason = String(why.data?.reason ?? why.message);
    this.#observe({ event: "swap_rolled_back", to: this.from.library, reason });
  }

  /** The old hosts clean up; resolves when they are gone. */
  async confirm(reason: string): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    for (const move of this.#moves) {
      move.keeper.trial = undefined;
      move.keeper.lane.endTrial();
      this.#retire(move);
    }
    this.#ports.body.replays?.confirm();
    this.#observe({ event: "swap_confirmed", to: this.to.library, reason });
    await Promise.all(this.#stops);
  }

  /** The stage stops: what is under way ends with `swap.stopped`, and the old hosts clean up. */
  cancel(): void {
    this.#cancelled = true;
    this.#candidate?.kill("was stopped: the stage stops");
    for (const move of this.#moves) this.#retire(move);
    this.#fail(new Failure("swap.stopped", `stage ${this.to.name}: the stage stops`));
  }

  /** Resolves when every host that it has sent away until now is gone. */
  async gone(): Promise<void> {
    await Promise.all(this.#stops);
  }

  /** For whoever watches the new plugin: it does worse. */
  fail(reason: string): void {
    this.#fail(this.#rolledBack(reason));
  }

  #prepare(): Promise<StageHost> {
    this.#candidate = this.#ports.launcher.launch(this.to);
    return prepare(this.#candidate, this.from, this.#exclusive, this.#ports);
  }

  async #move(keeper: LaneKeeper, candidate: StageHost | undefined, outgrown: () => void): Promise<void> {
    const { clock } = this.#ports;
    const heldSinceMs = clock.monotonic();
    await this.#empty(keeper);
    if (this.#failure) {
      this.#release(keeper);
      throw this.#failure;
    }
    if (keeper === this.#ports.keepers.at(-1)) this.#switchForth(outgrown);
    const takesOver = candidate !== undefined && keeper.running;
    const move = this.#newMove(keeper, takesOver);
    keeper.plan = this.to;
    if (takesOver) this.#handOver(move, candidate);
    else candidate?.kill("was not needed any more: its lane was stopped");
    this.#candidate = undefined;
    this.#release(keeper);
    if (!takesOver) return;
    await this.#orFailed(move.served.promise);
    this.#heldMs = Math.max(this.#heldMs, clock.monotonic() - heldSinceMs);
    await this.#orFailed(untilJudged(move, this.#ports));
  }

  /** Nothing is inside, and the log begins here. A lane that was stopped and started again meanwhile is not empty any more. */
  async #empty(keeper: LaneKeeper): Promise<void> {
    do {
      await drain(keeper, this.#ports);
      if (!this.#failure && this.to.stateful) await takeState(keeper, this.#ports);
    } while (!keeper.lane.held);
  }

  /** Batches that have waited for the lane do not come by themselves. One that is being stopped stays as it is. */
  #release({ lane, running }: LaneKeeper): void {
    if (running) lane.release();
    this.#ports.ready();
  }

  /** What is old is what works when the hand-over begins. */
  async #begin(prepared: () => Promise<void>): Promise<void> {
    await prepared();
    this.#from = this.#ports.body.plan;
    this.#fromReplays = this.#ports.body.replays;
  }

  #newMove(keeper: LaneKeeper, hasTrial: boolean): Move {
    const move: Move = {
      keeper,
      old: undefined,
      trial: hasTrial ? "pending" : "passed",
      judged: Promise.withResolvers(),
      served: Promise.withResolvers(),
    };
    if (!hasTrial) move.judged.resolve();
    this.#moves.push(move);
    return move;
  }

  #handOver(move: Move, candidate: StageHost): void {
    const { keeper } = move;
    keeper.trial = this.#trial(move);
    if (!this.#exclusive) {
      move.old = keeper.handOver({ host: candidate });
      return;
    }
    const free = Promise.withResolvers<StageHost>();
    const old = keeper.handOver({ host: free.promise });
    const gone = Promise.resolve(old?.stop(this.#ports.stopTimeoutMs));
    this.#stops.push(gone);
    void gone.then(() => free.resolve(candidate));
  }

  #trial(move: Move): KeeperTrial {
    const { keeper } = move;
    const trial: KeeperTrial = {
      served: () => move.served.resolve(),
      passed: () => {
        keeper.trial = undefined;
        move.trial = "passed";
        move.served.resolve(); // a lane that others served in the meantime may be that quick
        move.judged.resolve();
      },
      opinion: (sent) => this.#opinion(move, sent),
      failed: (reason) => {
        if (keeper.trial !== trial) return; // it was confirmed meanwhile, or the stage stops
        keeper.trial = undefined;
        move.trial = "failed";
        keeper.plan = this.from;
        const next = this.#wayBack(move, this.#switchBack(), keeper.present?.ended);
        keeper.retreat(next, "was replaced: it failed its trial in a swap");
        this.#fail(this.#rolledBack(reason));
      },
    };
    return trial;
  }

  /**
   * The reserve has the last word on every try. Where order counts its state would be in doubt after a failure, and an exclusive
   * plugin has no reserve: there nobody is asked, and the first failure takes the swap back.
   */
  async #opinion(move: Move, sent: Sent): Promise<Tried | undefined> {
    const old = await this.#reserve(move);
    return old && secondOpinion(old, sent, this.#ports.clock);
  }

  /** One that died of what it was asked about is followed by another. */
  async #reserve(move: Move): Promise<StageHost | undefined> {
    if (this.#over || this.#cancelled || this.#exclusive || this.from.sequential) return undefined;
    if (move.old?.alive) return move.old;
    try {
      const host = this.#ports.launcher.launch(this.from, move.keeper.lane.number);
      move.old = host;
      await host.initialise();
      return move.old === host ? host : undefined;
    } catch {
      return undefined; // nobody to ask: the swap is taken back, and says why
    }
  }

  async #undo(thrown: unknown): Promise<never> {
    const failure = toFailure(thrown, "swap.failed");
    this.#candidate?.kill("was not needed any more");
    if (failure.code === "swap.stopped" || this.#moves.length === 0) throw failure;
    const why = failure.code === "swap.rolled_back" ? failure : this.#rolledBack(failure.message);
    await this.rollBack(why);
    throw why;
  }

  async #moveBack(move: Move): Promise<void> {
    const { keeper } = move;
    await drain(keeper, this.#ports);
    if (move.trial === "failed") return this.#release(keeper); // what was inside has ended it: the old one is back
    keeper.trial = undefined;
    keeper.plan = this.from;
    if (!keeper.running) return this.#leaveStopped(move);
    const free = Promise.withResolvers<unknown>();
    const next = this.#wayBack(move, this.#switchBack(), free.promise);
    const present = keeper.handOver(next);
    this.#release(keeper);
    const gone = present?.stop(this.#ports.stopTimeoutMs);
    if (gone) this.#stops.push(gone);
    void Promise.resolve(gone).then(free.resolve);
  }

  /** Somebody has stopped the lane: whoever starts it again gets a host of the old plan, which goes through the log. */
  #leaveStopped(move: Move): void {
    this.#switchBack();
    this.#retire(move);
  }

  #retire(move: Move): void {
    const { old } = move;
    move.old = undefined;
    if (old?.alive) this.#stops.push(old.stop(this.#ports.stopTimeoutMs));
  }

  /** The old host with what it has missed; when there is none any more, another of the old plan, in turn where only one may be. */
  #wayBack(move: Move, missed: readonly ReplayEntry[], free: Promise<unknown> | undefined): Successor | undefined {
    const { old } = move;
    move.old = undefined;
    if (old?.alive) return { host: old, past: { snapshot: undefined, entries: missed } };
    if (!this.#exclusive) return undefined;
    return { host: Promise.resolve(free).then(() => this.#ports.launcher.launch(this.from, move.keeper.lane.number)) };
  }

  #switchForth(outgrown: () => void): void {
    const { body } = this.#ports;
    body.plan = this.to;
    if (!this.to.stateful) body.replays = undefined;
    else if (body.replays) body.replays.branch(BRANCH_BYTES_MAX, outgrown);
    else body.replays = new ReplayLog(undefined, this.to.standby > 0);
  }

  /** Gives what has been processed since the switch. */
  #switchBack(): readonly ReplayEntry[] {
    const { body } = this.#ports;
    const missed = this.#fromReplays?.sinceBranch ?? [];
    if (body.plan !== this.to) return missed;
    this.#fromReplays?.rollBack();
    body.plan = this.from;
    body.replays = this.#fromReplays;
    return missed;
  }

  #orFailed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failed.promise]);
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#failed.reject(failure);
  }

  #rolledBack(reason: string): Failure {
    const words = `stage ${this.to.name} is back with ${this.from.library}: ${this.to.library} failed: ${reason}`;
    return new Failure("swap.rolled_back", words, { data: { reason } });
  }

  #observe(event: StageEvent): void {
    this.#ports.observe?.(event);
  }

  #report(tookMs: number): SwapReport {
    const { from, to } = this;
    return {
      stage: to.name,
      from: from.library,
      to: to.library,
      lanes: this.#moves.length,
      state: !from.stateful ? "none" : to.stateful ? "restored" : "dropped",
      tookMs,
      heldMs: this.#heldMs,
      trial: this.isPending ? "pending" : "passed",
    };
  }
}
