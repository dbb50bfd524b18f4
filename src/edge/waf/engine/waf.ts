/** A firewall with its rules loaded: transactions out, counts and statistics of them kept. */
import type { Clock } from "../../../base/clock.ts";
import { Histogram } from "../../../base/histogram.ts";
import type { Random } from "../../../base/random.ts";
import { finishInTurns } from "../../../base/turns.ts";
import type { WafBasis } from "./basis.ts";
import { SLICE_MS } from "./limits.ts";
import type { Plan } from "./plan.ts";
import type { Records } from "./records.ts";
import { RemovalIndex } from "./removals.ts";
import type { BodyLimits } from "./request-body.ts";
import { Statistics } from "./statistics.ts";
import { WafTransaction } from "./transaction.ts";
import { ValuePool } from "./value-pool.ts";
import { noCounts, warmUp } from "./warm-up.ts";
import type { WafContext, WafCounts, WafProposal, WafRecord, WafSettings } from "./words.ts";

export interface WafMaterial {
  readonly settings: WafSettings;
  readonly plan: Plan;
  readonly records: Records;
  readonly clock: Clock;
  readonly random: Random;
  readonly bodyLimits: BodyLimits;
  readonly argumentsMax: number;
  readonly isRequestBodyRead: boolean;
  readonly webAppId?: string | undefined;
  readonly replyTypes: readonly string[];
}

export class Waf {
  readonly settings: WafSettings;
  /** How long the rules took, all phases of a transaction together. */
  readonly latencies = new Histogram();
  readonly #basis: WafBasis;
  readonly #random: Random;
  readonly #statistics = new Statistics();
  readonly #counts = noCounts();

  constructor(material: WafMaterial) {
    this.settings = material.settings;
    this.#random = material.random;
    this.#basis = {
      ...material,
      removalIndex: new RemovalIndex(material.plan),
      pool: new ValuePool(),
      counts: this.#counts,
      onEnd: (record, context, spentMs) => this.#note(record, context, spentMs),
    };
  }

  transaction(context: WafContext): WafTransaction {
    const id = `${this.#basis.clock.now()}.${String(this.#random.below(1_000_000)).padStart(6, "0")}`;
    return new WafTransaction(this.#basis, context, id);
  }

  /**
   * Runs texts and requests of common shapes through the rules and forgets them: automata are built and code is compiled by the first requests, which
   * would take many times as long as later ones. Some hundred milliseconds of work, in turns of a few; requests may come in between.
   */
  warmUp(): Promise<void> {
    return finishInTurns(warmUp(this.#basis), this.#basis.clock, SLICE_MS);
  }

  counts(): Readonly<WafCounts> {
    return { ...this.#counts };
  }

  /** Exclusions that the traffic seen in detect mode asks for, the best founded first. */
  proposals(): readonly WafProposal[] {
    return this.#statistics.proposals();
  }

  #note(record: WafRecord, context: WafContext, spentMs: number): void {
    const counts = this.#counts;
    counts.transactions += 1;
    counts.matches += record.matches.length + record.matchesUnlisted;
    if (record.verdict.kind === "block") counts.blocked += 1;
    else if (record.wouldBe.kind === "block") counts.wouldBlock += 1;
    this.latencies.record(spentMs);
    if (record.mode === "detect") this.#statistics.note(context.route, context.clientAddress, record.matches);
  }
}
