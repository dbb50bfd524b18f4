/**
 * One exchange of a stage's plugin under full load: a new host beside the old, lane by lane. A candidate that does not load,
 * is not what was checked, or refuses its parameters changes nothing. Then the lane takes no more batches; when nothing is
 * inside, the old host gives its state, the new one takes it, and the lane goes on. The first batch is a trial, and for a
 * while after it the old host stays in reserve with the state it had: going back costs no more than going forth.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import type { ProcessMessage } from "../../../process/plugin/index.ts";
import type { BatchSample } from "./batch-sample.ts";
import type { HostLauncher } from "./host-launcher.ts";
import type { KeeperTrial, LaneKeeper, Successor } from "./lane-keeper.ts";
import { type ReplayEntry, ReplayLog } from "./replay-log.ts";
import { planFault, type StageHost } from "./stage-host.ts";
import type { StageBody } from "./stage-hosts.ts";
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

export interface SwapPorts {
  readonly body: StageBody;
  readonly keepers: readonly LaneKeeper[];
  readonly launcher: HostLauncher;
  readonly clock: Clock;
  readonly stopTimeoutMs: number;
  readonly encoding: ProcessMessage["encoding"];
  readonly sample: BatchSample;
  /** The plan of the stage is another now. */
  renewed(): void;
  observe?: ((event: StageEvent) => void) | undefined;
}

/** One lane on its way from the old plan to the new. */
interface Move {
  readonly keeper: LaneKeeper;
  /** In reserve, with the state of the moment at which it left. */
  old: StageHost | undefined;
  trial: "pending" | "passed" | "failed";
  readonly judged: PromiseWithResolvers<void>;
  readonly served: PromiseWithResolvers<void>;
}

/** How long a lane that gets no batch holds up the next one. */
const TRIAL_WAIT_MS = 250;
/** Batches kept for going back; a host goes through this much in less than a second. */
const BRANCH_BYTES_MAX = 64 * 2 ** 20;
/** Room asked for where nobody knows yet how large a state is. */
const STATE_BYTES_MIN = 64 * 1024;

export class StageSwap {
  readonly from: StagePlan;
  readonly to: StagePlan;
  readonly #ports: SwapPorts;
  readonly #exclusive: boolean;
  readonly #fromReplays: ReplayLog | undefined;
  readonly #moves: Move[] = [];
  readonly #failed = Promise.withResolvers<never>();
  readonly #stops: Promise<unknown>[] = [];
  #failure: Failure | undefined;
  #candidate: StageHost | undefined;
  #heldMs = 0;
  #over = false;

  constructor(to: StagePlan, ports: SwapPorts) {
    this.from = ports.body.plan;
    this.to = to;
    this.#ports = ports;
    this.#exclusive = this.from.exclusive || to.exclusive;
    this.#fromReplays = ports.body.replays;
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

  /** Fails with `swap.refused`, and nothing has changed, or with `swap.rolled_back`, and everything is as it was. */
  async run(outgrown: () => void): Promise<SwapReport> {
    const { body, clock, keepers } = this.#ports;
    const startedMs = clock.monotonic();
    this.#ports.sample.want();
    this.#observe({ event: "swap_started", from: this.from.library, to: this.to.library });
    for (const keeper of keepers) {
      try {
        const candidate = keeper.running ? await this.#orFailed(this.#prepare()) : undefined;
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
  async rollBack(reason: string): Promise<void> {
    this.#over = true;
    for (const move of this.#moves) if (move.trial !== "failed") await this.#moveBack(move);
    this.#switchBack();
    this.#ports.renewed();
    this.#observe({ event: "swap_rolled_back", to: this.from.library, reason });
  }

  /** The old hosts clean up; resolves when they are gone. */
  async confirm(reason: string): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    for (const { keeper, old } of this.#moves) {
      keeper.trial = undefined;
      keeper.lane.endTrial();
      if (old?.alive) this.#stops.push(old.stop(this.#ports.stopTimeoutMs));
    }
    this.#ports.body.replays?.confirm();
    this.#observe({ event: "swap_confirmed", to: this.to.library, reason });
    await Promise.all(this.#stops);
  }

  /** The stage stops: what is under way ends with `swap.stopped`. */
  cancel(): void {
    this.#candidate?.kill("was stopped: the stage stops");
    this.#fail(new Failure("swap.stopped", `stage ${this.to.name}: the stage stops`));
  }

  /** For whoever watches the new plugin: it does worse. */
  fail(reason: string): void {
    this.#fail(this.#rolledBack(reason));
  }

  async #prepare(): Promise<StageHost> {
    const host = this.#ports.launcher.launch(this.to);
    this.#candidate = host;
    try {
      const fault = planFault(this.to, await host.loaded);
      if (fault) throw fault;
      const faults = await host.check();
      if (faults.length > 0) throw new Failure("plugin.params", faults.join("; "));
      if (this.#exclusive) return host;
      await host.initialise();
      const { encoding, sample } = this.#ports;
      if (sample.text !== undefined) await host.warm(sample.text, encoding);
      return host;
    } catch (thrown) {
      host.kill("was refused by a swap");
      const { code, message } = toFailure(thrown, "plugin.start");
      const words = `stage ${this.to.name} keeps ${this.from.library}: ${this.to.library} cannot take over: ${message}`;
      throw new Failure("swap.refused", words, { data: { cause: code } });
    }
  }

  async #move(keeper: LaneKeeper, candidate: StageHost | undefined, outgrown: () => void): Promise<void> {
    const { clock } = this.#ports;
    const heldSinceMs = clock.monotonic();
    await this.#drain(keeper);
    await this.#takeState(keeper);
    if (this.#failure) {
      keeper.lane.release();
      throw this.#failure;
    }
    if (keeper === this.#ports.keepers.at(-1)) this.#switchForth(outgrown);
    const move = this.#begin(keeper, candidate !== undefined);
    keeper.plan = this.to;
    if (candidate) this.#handOver(move, candidate);
    keeper.lane.release();
    if (!candidate) return;
    this.#candidate = undefined;
    await this.#orFailed(move.served.promise);
    this.#heldMs = Math.max(this.#heldMs, clock.monotonic() - heldSinceMs);
    await this.#orFailed(this.#untilJudged(move));
  }

  /** A lane whose batch takes too long gives it to the new host; it was not its fault. */
  async #drain({ lane }: LaneKeeper): Promise<void> {
    const { clock, stopTimeoutMs } = this.#ports;
    const reason = "was replaced: a swap could wait no longer for its batch";
    const timer = clock.after(stopTimeoutMs, () => lane.recycle(reason));
    await lane.hold();
    timer.cancel();
  }

  /** Without an answer the log says it too, with more to go through. */
  async #takeState({ lane }: LaneKeeper): Promise<void> {
    const replays = this.#ports.body.replays;
    if (!this.to.stateful || !replays || replays.entries.length === 0 || !lane.serving) return;
    const expectedBytes = Math.max(STATE_BYTES_MIN, 2 * (replays.snapshot?.length ?? 0));
    const state = await lane.askState(expectedBytes).catch(() => undefined);
    if (state) replays.cover(state);
  }

  #begin(keeper: LaneKeeper, hasTrial: boolean): Move {
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
    void Promise.resolve(old?.stop(this.#ports.stopTimeoutMs)).then(() => free.resolve(candidate));
  }

  #trial(move: Move): KeeperTrial {
    const { keeper } = move;
    return {
      served: () => move.served.resolve(),
      passed: () => {
        keeper.trial = undefined;
        move.trial = "passed";
        move.judged.resolve();
      },
      failed: (reason) => {
        keeper.trial = undefined;
        move.trial = "failed";
        keeper.plan = this.from;
        const next = this.#wayBack(move, this.#switchBack(), keeper.present?.ended);
        keeper.retreat(next, "was replaced: it failed its trial in a swap");
        this.#fail(this.#rolledBack(reason));
      },
    };
  }

  /** Some time for the first batch, and all it needs for one that is inside. */
  async #untilJudged({ judged, keeper }: Move): Promise<void> {
    const { clock, stopTimeoutMs } = this.#ports;
    const waiting = new AbortController();
    await Promise.race([judged.promise, pause(clock, TRIAL_WAIT_MS, waiting.signal)]);
    if (!keeper.lane.idle) await Promise.race([judged.promise, pause(clock, stopTimeoutMs, waiting.signal)]);
    waiting.abort();
  }

  async #undo(thrown: unknown): Promise<never> {
    const failure = toFailure(thrown, "swap.failed");
    this.#candidate?.kill("was not needed any more");
    if (failure.code === "swap.stopped" || this.#moves.length === 0) throw failure;
    await this.rollBack(failure.message);
    throw failure.code === "swap.rolled_back" ? failure : this.#rolledBack(failure.message);
  }

  async #moveBack(move: Move): Promise<void> {
    const { keeper } = move;
    await this.#drain(keeper);
    keeper.trial = undefined;
    keeper.plan = this.from;
    const free = Promise.withResolvers<unknown>();
    const next = this.#wayBack(move, this.#switchBack(), free.promise);
    const present = keeper.running ? keeper.handOver(next) : undefined;
    keeper.lane.release();
    const gone = present?.stop(this.#ports.stopTimeoutMs);
    if (gone) this.#stops.push(gone);
    void Promise.resolve(gone).then(free.resolve);
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
    else body.replays = new ReplayLog(undefined);
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
    return new Failure("swap.rolled_back", words);
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
