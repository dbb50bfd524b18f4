/**
 * The stage's circuit breaker: the machine of protocol/breaker, bound to the stage's plan and clock. It counts tries of whole
 * batches that ran the plugin: whether a *record* is to blame is another question, and the search for it asks only whether
 * it may go on. When that convicts record after record, it is the plugin after all.
 *
 * Another plan is another plugin: after a swap the breaker begins anew, closed.
 */
import type { Clock } from "../../../base/clock.ts";
import { Breaker, type BreakerEffect, type BreakerState } from "../../../protocol/breaker/index.ts";
import type { Outcome, StageEvent, StagePlan } from "./types.ts";

export interface BreakerPorts {
  /** The present one. */
  readonly plan: StagePlan;
  readonly clock: Clock;
  readonly observe?: ((event: StageEvent) => void) | undefined;
}

/** The plugin is not asked; the policy decides. */
export interface Refused {
  readonly kind: "refused";
  readonly reason: string;
}

export interface Admitted {
  readonly kind: "admitted";
  /** It was let through to see whether the plugin has recovered: that it has not is no news. */
  readonly probe: boolean;
  /** To be told what came of it. */
  answer(outcome: Outcome): void;
}

export interface BreakerProgress {
  readonly state: BreakerState;
  /** Times it went open. */
  readonly opened: number;
}

export class StageBreaker {
  readonly #ports: BreakerPorts;
  #plan: StagePlan;
  #machine: Breaker | undefined;
  #opened = 0;

  constructor(ports: BreakerPorts) {
    this.#ports = ports;
    this.#plan = ports.plan;
    this.#machine = machineOf(ports.plan);
  }

  /** May this batch go to the plugin now? */
  admit(): Admitted | Refused {
    const machine = this.#current();
    if (!machine) return UNGUARDED;
    const { decision, effects } = machine.admit(this.#nowMs);
    this.#show(effects);
    if (decision.type === "refused") return refusalOf(machine);
    const { probe, ticket } = decision;
    return { kind: "admitted", probe, answer: (outcome) => this.#answered(machine, ticket, outcome) };
  }

  /** Why a search for bad records may not go to the plugin now. */
  refusesSearch(): Refused | undefined {
    const machine = this.#current();
    return machine && machine.state !== "closed" ? refusalOf(machine) : undefined;
  }

  /** Why the next try would be refused, when it is certain. */
  refusesRetry(): Refused | undefined {
    const machine = this.#current();
    return machine?.state === "open" ? refusalOf(machine) : undefined;
  }

  /** A search for bad records has convicted so many in a row. */
  convicted(inARow: number, reason: string): void {
    const machine = this.#current();
    if (machine?.state !== "closed" || inARow < (this.#plan.breaker?.failureThreshold ?? Number.POSITIVE_INFINITY))
      return;
    this.#show(machine.step({ type: "trip", reason }, this.#nowMs));
  }

  /** For people; undefined where the stage has none. */
  progress(): BreakerProgress | undefined {
    const machine = this.#current();
    return machine && { state: machine.state, opened: this.#opened };
  }

  get #nowMs(): number {
    return this.#ports.clock.monotonic();
  }

  /** As of now. */
  #current(): Breaker | undefined {
    const { observe, plan } = this.#ports;
    if (plan !== this.#plan) {
      const wasClosed = this.#machine === undefined || this.#machine.state === "closed";
      this.#plan = plan;
      this.#machine = machineOf(plan);
      if (!wasClosed) observe?.({ event: "breaker", state: "closed", reason: "the plugin was replaced" });
    }
    if (this.#machine) this.#show(this.#machine.step({ type: "tick" }, this.#nowMs));
    return this.#machine;
  }

  #answered(machine: Breaker, ticket: number, outcome: Outcome): void {
    const effects = machine.step(
      saysWell(outcome)
        ? { type: "succeeded", ticket }
        : saysIll(outcome)
          ? { type: "failed", ticket, reason: outcome.reason }
          : { type: "cancelled", ticket },
      this.#nowMs,
    );
    if (machine === this.#machine) this.#show(effects);
  }

  #show(effects: readonly BreakerEffect[]): void {
    for (const { reason, to } of effects) {
      if (to === "open") this.#opened++;
      this.#ports.observe?.({ event: "breaker", state: to, reason });
    }
  }
}

/** Where nobody counts. */
export const UNGUARDED: Admitted = { kind: "admitted", probe: false, answer() {} };

function machineOf({ breaker }: StagePlan): Breaker | undefined {
  return breaker && new Breaker(breaker);
}

function refusalOf({ lastFailure }: Breaker): Refused {
  return { kind: "refused", reason: `the circuit breaker is open (last failure: ${lastFailure})` };
}

/** Without records the plugin was not asked. */
function saysWell(outcome: Outcome): boolean {
  return outcome.kind === "done" && outcome.counts.in > 0;
}

/** What cannot be read, or outgrows its memory, is the batch's doing. */
function saysIll(outcome: Outcome): outcome is Extract<Outcome, { kind: "failed" }> {
  return outcome.kind === "failed" && outcome.cause !== "too_large" && outcome.code !== "source.malformed";
}
