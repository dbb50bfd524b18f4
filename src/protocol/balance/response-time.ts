/**
 * RESPONSE_TIME: whoever would answer soonest: estimated response time × (requests under way + 1) ÷ weight. The estimate is Finagle's
 * peak-EWMA: a slower response raises it at once, faster ones lower it by and by, so that it flees trouble and returns with care.
 *
 * - While a node has nothing of ours its estimate fades, so it is tried again: with one request, because it fades no more then.
 * - A node without an answer since long, though it owes one, is at least that slow: one that hangs needs no time-out to be seen.
 * - A failure counts as a multiple of a slow response: failing fast must not look fast.
 * - A new node is probed with one request, and counts as typical until that has ended.
 */
import { cheapest, eligible, outstandingOf, weightOf } from "./candidates.ts";
import type { Balancer, Candidate, Choice, RequestResult } from "./contract.ts";
import { NodeTable } from "./node-table.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

export interface ResponseTimeOptions {
  /** In this time an estimate falls to 37 % of itself (1/e) when nothing confirms it. */
  readonly decayMs: number;
}

/** Twice in a row makes a node 25 times as slow as it was: it gets nothing but a probe for some decay times. */
const FAILURE_FACTOR = 5;
/** Failures raise an estimate no further than this: after a long outage a node must be probed again within minutes. */
const FAILURE_MS_MAX = 60_000;
/** What is typical follows the last ten or so responses of all nodes together. */
const TYPICAL_SHARE = 0.1;
/** Before any response is known all nodes are alike, and only what is under way counts. */
const UNKNOWN_MS = 1;

interface Node {
  /** Undefined until its first result. */
  estimateMs: number | undefined;
  /** When that was. */
  estimatedAtMs: number;
  /** Requests of this balancer that have not ended. */
  pending: number;
  /** Since when it owes an answer and has given none. */
  silentSinceMs: number;
}

export class ResponseTime implements Balancer {
  readonly #decayMs: number;
  readonly #nodes = new NodeTable<Node>();
  readonly #ties = new WeightedRoundRobin();
  #typicalMs: number | undefined;

  constructor({ decayMs }: ResponseTimeOptions) {
    this.#decayMs = decayMs;
  }

  get remembered(): number {
    return Math.max(this.#nodes.size, this.#ties.remembered);
  }

  pick(candidates: readonly Candidate[], { exclude }: Choice, nowMs: number): string | undefined {
    const soonest = cheapest(eligible(candidates, exclude), (each) => this.#cost(each, nowMs));
    const chosen = this.#ties.choose(soonest);
    // Nothing is under way there: what still counts as pending ended without a word.
    if (chosen !== undefined && outstandingOf(chosen) === 0) this.#open(chosen.id, nowMs).pending = 0;
    return chosen?.id;
  }

  started(id: string, nowMs: number): void {
    const node = this.#open(id, nowMs);
    if (node.pending++ === 0) node.silentSinceMs = nowMs;
  }

  /** Of a node that was forgotten since it comes too late. */
  ended(id: string, { durationMs, ok }: RequestResult, nowMs: number): void {
    const node = this.#nodes.get(id);
    if (node === undefined) return;
    node.pending = Math.max(0, node.pending - 1);
    node.silentSinceMs = nowMs;
    const tookMs = durationMs > 0 && Number.isFinite(durationMs) ? durationMs : 0;
    this.#observe(node, ok ? tookMs : this.#penaltyMs(node, tookMs), nowMs);
    if (ok) this.#typicalMs = blend(this.#typicalMs ?? tookMs, tookMs, TYPICAL_SHARE);
  }

  forget(id: string): void {
    this.#nodes.delete(id);
    this.#ties.forget(id);
  }

  /** Its estimated response time at this moment, for people; undefined when nothing has ended there. */
  estimateMs(id: string, nowMs: number): number | undefined {
    const node = this.#nodes.get(id);
    return node && this.#estimateMs(node, node.pending > 0, nowMs);
  }

  #cost(candidate: Candidate, nowMs: number): number {
    const outstanding = outstandingOf(candidate);
    const node = this.#nodes.get(candidate.id);
    const isBusy = outstanding > 0 && node !== undefined && node.pending > 0;
    const estimateMs = node && this.#estimateMs(node, isBusy, nowMs);
    if (estimateMs === undefined && outstanding === 0) return 0; // to be probed
    const silentMs = isBusy ? Math.max(0, nowMs - node.silentSinceMs) : 0;
    const answerMs = Math.max(estimateMs ?? this.#typicalMs ?? UNKNOWN_MS, silentMs);
    return (answerMs * (outstanding + 1)) / weightOf(candidate);
  }

  #estimateMs({ estimateMs, estimatedAtMs }: Node, isBusy: boolean, nowMs: number): number | undefined {
    if (estimateMs === undefined || isBusy) return estimateMs;
    return estimateMs * this.#keptShare(estimatedAtMs, nowMs);
  }

  #observe(node: Node, tookMs: number, nowMs: number): void {
    const { estimateMs = 0, estimatedAtMs } = node;
    const learntShare = 1 - this.#keptShare(estimatedAtMs, nowMs);
    node.estimateMs = tookMs >= estimateMs ? tookMs : blend(estimateMs, tookMs, learntShare);
    node.estimatedAtMs = nowMs;
  }

  #keptShare(sinceMs: number, nowMs: number): number {
    return Math.exp(-Math.max(0, nowMs - sinceMs) / this.#decayMs);
  }

  #penaltyMs({ estimateMs = 0 }: Node, tookMs: number): number {
    const slowMs = Math.max(estimateMs, tookMs, this.#typicalMs ?? UNKNOWN_MS);
    return Math.max(slowMs, Math.min(FAILURE_MS_MAX, FAILURE_FACTOR * slowMs));
  }

  #open(id: string, nowMs: number): Node {
    let node = this.#nodes.get(id);
    if (node === undefined) {
      node = { estimateMs: undefined, estimatedAtMs: nowMs, pending: 0, silentSinceMs: nowMs };
      this.#nodes.set(id, node);
    }
    return node;
  }
}

function blend(before: number, now: number, share: number): number {
  return before * (1 - share) + now * share;
}
