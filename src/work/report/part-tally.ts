/**
 * Everything of a report that adds up: takes observations one by one and parts from elsewhere, in constant memory. Merging
 * is the same in any order and grouping (for reasons of failures: while there are no more than are kept).
 */
import { Histogram, requireDuration } from "../../base/histogram.ts";
import { TopList } from "../../base/top-list.ts";
import {
  addNumbers,
  cut,
  FAULTS_MAX,
  NAME_CHARS_MAX,
  NODES_MAX,
  type NodeRecord,
  noCounts,
  noEvents,
  REPORT_VERSION,
  type ReportBytes,
  type ReportCounts,
  type ReportPart,
  SLOWEST_MAX,
  type SlowItem,
  STAGES_MAX,
  type StageRecord,
} from "./model.ts";
import { byName, NamedTallies } from "./named-tallies.ts";
import type { DoneObservation, FailedObservation, Observation } from "./observation.ts";
import { ReasonTally } from "./reason-tally.ts";
import { NodeTally, StageTally, type StageTotals } from "./tallies.ts";

export class PartTally {
  counts: ReportCounts = noCounts();
  bytes: ReportBytes = { in: 0, out: 0 };
  readonly stages = new NamedTallies<StageRecord, StageTally>(STAGES_MAX, (name) => new StageTally(name));
  readonly #nodes = new NamedTallies<NodeRecord, NodeTally>(NODES_MAX, (name) => new NodeTally(name));
  readonly #events = noEvents();
  readonly #latency = new Histogram();
  readonly #slowest = new TopList<SlowItem>(SLOWEST_MAX, slowerFirst);
  readonly #reasons = new ReasonTally();
  readonly #faults = new TopList<string>(FAULTS_MAX, byName);

  /** Fails with `histogram.value` for what can be no duration. */
  observe(what: Observation): void {
    switch (what.type) {
      case "done":
        return this.#done(what);
      case "failed":
        return this.#failed(what);
      case "stage":
        requireDuration(what.ms); // before a stage of that name is made
        return this.stages.of(what.stage).worked(what.ms);
      case "retry":
        return this.#retried(what.stage, what.count ?? 1);
      case "hedge":
        this.#events.hedges++;
        return;
      case "late":
        this.#events.lateResults++;
        this.#nodes.of(what.node).lateResults++;
        return;
      case "failover":
        this.#events.failovers++;
        return;
      case "lost":
        this.#events.workersLost++;
        this.#nodes.of(what.node).timesLost++;
        return;
      case "restart":
        return this.#restarted(what.what, what.stage, what.count ?? 1);
    }
  }

  followStage(name: string, totals: StageTotals): void {
    const { restarts, retries } = this.stages.of(name).follow(totals);
    addNumbers(this.#events, { retries, hostRestarts: restarts });
  }

  addFault(fault: string): void {
    this.#faults.add(fault);
  }

  /** `part` has passed `partSchema`, or comes from here. */
  merge(part: ReportPart): void {
    this.stages.merge(part.stages);
    this.#nodes.merge(part.nodes);
    this.#latency.merge(Histogram.fromJson(part.latency));
    addNumbers(this.counts, part.counts);
    addNumbers(this.#events, part.events);
    addNumbers(this.bytes, part.bytes);
    for (const item of part.slowest) this.#slowest.add(item);
    this.#reasons.merge(part.failures);
    for (const fault of part.faults) this.#faults.add(fault);
  }

  toJson(): ReportPart {
    return {
      version: REPORT_VERSION,
      counts: { ...this.counts },
      events: { ...this.#events },
      bytes: { ...this.bytes },
      latency: this.#latency.toJson(),
      stages: this.stages.toJson().toSorted((left, right) => left.order - right.order), // stable: by name where equal
      nodes: this.#nodes.toJson(),
      slowest: this.#slowest.list(),
      failures: this.#reasons.toJson(),
      faults: this.#faults.list(),
    };
  }

  #done({ bytesIn = 0, bytesOut = 0, id, ms, node, rows = 0 }: DoneObservation): void {
    this.#latency.record(ms);
    this.#nodes.of(node).done(ms, rows, bytesIn, bytesOut);
    this.bytes.in += bytesIn;
    this.bytes.out += bytesOut;
    const item = { id, node, ms, rows };
    if (this.#slowest.takes(item)) {
      this.#slowest.add({ ...item, id: cut(id, NAME_CHARS_MAX), node: cut(node, NAME_CHARS_MAX) });
    }
  }

  #failed(what: FailedObservation): void {
    this.#reasons.add(what);
    if (what.node !== undefined) this.#nodes.of(what.node).failures += what.count ?? 1;
  }

  #retried(stage: string | undefined, count: number): void {
    this.#events.retries += count;
    if (stage !== undefined) this.stages.of(stage).retries += count;
  }

  #restarted(what: "host" | "worker" | "master", stage: string | undefined, count: number): void {
    this.#events[`${what}Restarts`] += count;
    if (stage !== undefined) this.stages.of(stage).restarts += count;
  }
}

function slowerFirst(left: SlowItem, right: SlowItem): number {
  return right.ms - left.ms || byName(left.id, right.id) || byName(left.node, right.node) || right.rows - left.rows;
}
