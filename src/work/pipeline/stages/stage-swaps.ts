/**
 * The swaps of one stage, one at a time, and the window after each: until it has passed, the new plugin is compared with the
 * one before, and when it does clearly worse the old one comes back by itself. Another swap confirms the one before it.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { isSwap } from "./chain.ts";
import { StageSwap, type StageSwapPorts, type SwapReport } from "./stage-swap.ts";
import { counted, failedStart, NO_TALLY, type Tally, worse } from "./swap-window.ts";
import type { Outcome, StagePlan, Work } from "./types.ts";

export interface StageSwapsOptions extends StageSwapPorts {
  readonly clock: Clock;
  /** Zero: the new plugin is trusted when its first batch has passed. */
  readonly windowMs: number;
}

/** A swap whose plugin works, and from which the stage may still go back. */
interface Watched {
  readonly swap: StageSwap;
  timer: Timer | undefined;
  over: boolean;
}

export class StageSwaps {
  readonly #options: StageSwapsOptions;
  #present: StageSwap | undefined;
  #watched: Watched | undefined;
  #returning: Promise<void> | undefined;
  #confirming: Promise<void> = Promise.resolve();
  /** Hosts that a swap sent away when it went back. */
  #leaving: Promise<unknown> = Promise.resolve();
  #stopped = false;
  /** Of the plugin before, when a swap is watched. */
  #before: Tally = NO_TALLY;
  #tally: Tally = NO_TALLY;

  constructor(options: StageSwapsOptions) {
    this.#options = options;
  }

  /** A verdict on a batch. */
  judged(outcome: Outcome, work: Pick<Work, "probe">): void {
    if (this.#present) return; // two plugins are at work: whose it is nobody can say
    this.#tally = counted(this.#tally, outcome, work);
    if (this.#watched) this.#compare(this.#watched);
  }

  /** A host of the stage's plan ended before it served. */
  startFailed(): void {
    if (this.#present) return;
    this.#tally = failedStart(this.#tally);
    if (this.#watched) this.#compare(this.#watched);
  }

  /** Fails with `swap.refused`, `swap.rolled_back`, `swap.busy` or `swap.stopped`; the stage then works as before. */
  async swap(to: StagePlan): Promise<SwapReport> {
    this.#admit(to);
    const plans = [this.#options.body.plan, this.#watched?.swap.from, to];
    const swap = new StageSwap(
      to,
      plans.some((plan) => plan?.exclusive),
      this.#options,
    );
    this.#present = swap;
    let outgrown = false;
    try {
      const report = await swap.run(
        () => this.#settleBefore(),
        () => {
          outgrown = true;
          if (this.#watched?.swap === swap) this.#confirm(this.#watched, OUTGROWN);
        },
      );
      this.#watch(swap);
      if (outgrown && this.#watched) this.#confirm(this.#watched, OUTGROWN);
      return report;
    } finally {
      this.#present = undefined;
    }
  }

  /** Before the stage stops: what is under way is given up, reserves clean up. */
  async stop(): Promise<void> {
    const present = this.#present;
    this.#cancel();
    if (this.#watched) this.#confirm(this.#watched, "the stage stops");
    await Promise.all([this.#confirming, this.#returning]);
    await Promise.all([present?.gone(), this.#leaving]);
  }

  /** Nothing is waited for: every process is killed. */
  abort(): void {
    this.#cancel();
    if (this.#watched) this.#end(this.#watched);
  }

  #cancel(): void {
    this.#stopped = true;
    this.#present?.cancel();
  }

  #admit(to: StagePlan): void {
    const from = this.#options.body.plan;
    const about = `swap ${from.name}`;
    if (this.#stopped) throw new Failure("swap.stopped", `${about}: the stage stops`);
    if (this.#present || this.#returning) throw new Failure("swap.busy", `${about}: another swap of it is under way`);
    if (from.name === to.name && isSwap(from, to)) return;
    const keys = Object.keys({ ...from, ...to }) as (keyof StagePlan)[]; // the keys of two plans
    const other = keys.filter((key) => !isSwap(from, { ...from, [key]: to[key] }));
    const words = `a swap exchanges library and parameters; ${other.join(", ")} would change too, which takes a reload`;
    throw new Failure("swap.refused", `${about}: ${words}`, { data: { changes: other } });
  }

  /** The swap before ends now: well, or, if its plugin has not had a batch yet, as if it had never been. */
  async #settleBefore(): Promise<void> {
    await this.#returning; // it may have failed while the new one was prepared
    const watched = this.#watched;
    if (!watched) return;
    if (!watched.swap.isPending) return this.#confirm(watched, FOLLOWED);
    this.#end(watched);
    this.#tally = this.#before;
    await watched.swap.rollBack(new Failure("swap.rolled_back", `${FOLLOWED}, and no batch had come`));
  }

  #watch(swap: StageSwap): void {
    this.#before = this.#tally;
    this.#tally = NO_TALLY;
    const watched: Watched = { swap, timer: undefined, over: false };
    this.#watched = watched;
    swap.failed.catch((thrown: unknown) => this.#goBack(watched, toFailure(thrown, "swap.rolled_back")));
    const { clock } = this.#options;
    const windowMs = swap.canReturn ? this.#options.windowMs : 0;
    const passed = (): void => void swap.proven().then(() => this.#confirm(watched, "its window has passed"));
    if (windowMs > 0) watched.timer = clock.after(windowMs, passed);
    else passed();
  }

  #compare(watched: Watched): void {
    const reason = worse(this.#before, this.#tally);
    if (reason !== undefined && watched.swap.canReturn) watched.swap.fail(reason);
  }

  #goBack(watched: Watched, why: Failure): void {
    if (watched.over || this.#stopped) return;
    this.#end(watched);
    this.#tally = this.#before;
    this.#returning = watched.swap.rollBack(why).finally(() => {
      this.#returning = undefined;
      this.#leaving = Promise.all([this.#leaving, watched.swap.gone()]);
    });
  }

  #confirm(watched: Watched, reason: string): void {
    if (watched.over) return;
    this.#end(watched);
    this.#confirming = Promise.all([this.#confirming, watched.swap.confirm(reason)]).then(() => {});
  }

  #end(watched: Watched): void {
    watched.over = true;
    watched.timer?.cancel();
    if (this.#watched === watched) this.#watched = undefined;
  }
}

const FOLLOWED = "another swap follows";
const OUTGROWN = "the batches since have become too many to go back";
