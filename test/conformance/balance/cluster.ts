/** A dumb cluster in virtual time: so many requests are always under way, each takes its node's time, and shares are counted. */
import { seededRandom } from "../../../src/base/random.ts";
import type { Balancer, Candidate } from "../../../src/protocol/balance/index.ts";

export interface SimulatedNode {
  readonly id: string;
  readonly serviceMs: number;
  /** A node works on so many requests at once; others wait. */
  readonly slots: number;
  readonly weight?: number;
  /** All of its requests fail, at once. */
  readonly isBroken?: boolean;
}

export interface Outcome {
  /** Share of requests, by id. */
  readonly shares: ReadonlyMap<string, number>;
  readonly failures: number;
  /** Requests ended per second. */
  readonly perSecond: number;
}

interface Request {
  readonly node: SimulatedNode;
  readonly startedMs: number;
  endsMs: number;
}

const BROKEN_MS = 0.5;

export class SimulatedCluster {
  readonly #nodes: readonly SimulatedNode[];
  readonly #random = seededRandom(42);
  readonly #running: Request[] = [];
  readonly #waiting = new Map<string, Request[]>();

  constructor(nodes: readonly SimulatedNode[]) {
    this.#nodes = nodes;
  }

  /** `underWay` requests at once until `total` have ended. */
  run(balancer: Balancer, underWay: number, total: number): Outcome {
    const counts = new Map(this.#nodes.map(({ id }) => [id, 0]));
    let [nowMs, sent, failures] = [0, 0, 0];
    for (let ended = 0; ended < total; ended++) {
      for (; sent < ended + underWay; sent++) {
        const node = this.#send(balancer, sent, nowMs);
        counts.set(node.id, counts.get(node.id)! + 1);
      }
      const done = this.#takeFirstEnd();
      nowMs = done.endsMs;
      const ok = done.node.isBroken !== true;
      if (!ok) failures++;
      balancer.ended?.(done.node.id, { ok, durationMs: nowMs - done.startedMs }, nowMs);
    }
    const shares = new Map([...counts].map(([id, count]) => [id, count / sent]));
    return { shares, failures, perSecond: (1_000 * total) / nowMs };
  }

  #send(balancer: Balancer, number: number, nowMs: number): SimulatedNode {
    const id = balancer.pick(this.#candidates(), { key: `key ${number}` }, nowMs);
    const node = this.#nodes.find((each) => each.id === id)!;
    balancer.started?.(node.id, nowMs);
    const request = { node, startedMs: nowMs, endsMs: 0 };
    if (this.#runningAt(node) < node.slots) this.#begin(request, nowMs);
    else this.#waiting.set(node.id, [...(this.#waiting.get(node.id) ?? []), request]);
    return node;
  }

  /** Service times vary by a tenth up or down. */
  #begin(request: Request, nowMs: number): void {
    const { isBroken, serviceMs } = request.node;
    request.endsMs = nowMs + (isBroken ? BROKEN_MS : serviceMs * (0.9 + 0.2 * this.#random.next()));
    this.#running.push(request);
  }

  #takeFirstEnd(): Request {
    const done = this.#running.reduce((first, each) => (each.endsMs < first.endsMs ? each : first));
    this.#running.splice(this.#running.indexOf(done), 1);
    const next = this.#waiting.get(done.node.id)?.shift();
    if (next !== undefined) this.#begin(next, done.endsMs);
    return done;
  }

  #runningAt(node: SimulatedNode): number {
    return this.#running.filter((each) => each.node === node).length;
  }

  #candidates(): readonly Candidate[] {
    return this.#nodes.map((node) => {
      const outstanding = this.#runningAt(node) + (this.#waiting.get(node.id)?.length ?? 0);
      return { id: node.id, weight: node.weight ?? 1, outstanding };
    });
  }
}
