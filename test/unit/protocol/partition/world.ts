/**
 * Some nodes that are parted and joined at will. Within a side everybody knows the same, and nodes of other sides that the
 * side has heard of are unreachable to all of it: the views of two sides are complementary. Chance is the caller's.
 */
import {
  Partition,
  type PartitionOptions,
  type PartitionRules,
  type ViewMember,
} from "../../../../src/protocol/partition/index.ts";

interface Node {
  readonly id: string;
  readonly bornMs: number;
  readonly roles: readonly string[];
  readonly machine: Partition;
  side: number;
  knows: Set<string>;
  hasSeen: Set<string>;
  knowsLeft: Set<string>;
}

export interface WorldOptions {
  readonly options: PartitionOptions;
  readonly rules?: Partial<PartitionRules>;
  /** Do nodes tell each other their standing? */
  readonly tellsStandings: boolean;
  /** Do nodes hear of those that were unreachable before they came? */
  readonly tellsHearsay?: boolean;
}

export class World {
  readonly #given: WorldOptions;
  readonly #nodes = new Map<string, Node>();
  readonly #roles = new Map<string, readonly string[]>();
  #nowMs = 0;

  constructor(given: WorldOptions) {
    this.#given = given;
  }

  start(id: string, side: number, roles: readonly string[] = this.#roles.get(id) ?? []): void {
    this.#roles.set(id, roles);
    const bornMs = 1 + this.#nowMs;
    const machine = new Partition({ id, bornMs, roles }, this.#given.options, this.#given.rules);
    this.#nodes.set(id, {
      id,
      bornMs,
      roles,
      machine,
      side,
      knows: new Set([id]),
      hasSeen: new Set(),
      knowsLeft: new Set(),
    });
  }

  has(id: string): boolean {
    return this.#nodes.has(id);
  }

  /** Sides that have somebody who was part of a decision: a node that starts can only join those. */
  get settledSides(): readonly number[] {
    return [...new Set([...this.#nodes.values()].filter((n) => n.machine.standing.isSettled).map((n) => n.side))];
  }

  get ids(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  machine(id: string): Partition {
    return this.#nodes.get(id)!.machine;
  }

  sideOf(id: string): number {
    return this.#nodes.get(id)!.side;
  }

  part(sideOf: (id: string, index: number) => number): void {
    for (const [index, node] of [...this.#nodes.values()].entries()) node.side = sideOf(node.id, index);
  }

  crash(id: string): void {
    this.#nodes.delete(id);
  }

  leave(id: string): void {
    const gone = this.#nodes.get(id)!;
    this.#nodes.delete(id);
    for (const node of this.#nodes.values()) if (node.side === gone.side) node.knowsLeft.add(id);
  }

  /** Everybody hears what changed, and then `ms` pass. */
  pass(ms: number, stepMs = ms): void {
    this.#gossip();
    this.#look();
    this.#look(); // now with the standings that the first look has changed: they travel faster than views stand still
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs = Math.min(endMs, this.#nowMs + stepMs);
      for (const { machine } of this.#nodes.values()) machine.step({ type: "tick" }, this.#nowMs);
      this.#look();
    }
  }

  /** Long enough for every decision, and for those that wait for the decisions of others. */
  settle(): void {
    const { stableAfterMs } = this.#given.options;
    this.pass(stableAfterMs * 8, stableAfterMs);
  }

  /** The sides on which somebody is up. */
  get sidesUp(): readonly number[] {
    return [...new Set([...this.#nodes.values()].filter((n) => n.machine.status === "up").map((n) => n.side))].sort();
  }

  /** Everybody is up and was part of a decision. */
  get isCalm(): boolean {
    return [...this.#nodes.values()].every(
      ({ machine: { standing } }) => standing.status === "up" && standing.isSettled,
    );
  }

  toString(): string {
    const lines = [...this.#nodes.values()].map(({ id, machine, side }) => {
      const { downed, self } = machine.state;
      return `${side}: ${id} ${self.status}${self.isSettled ? "" : "?"} (${self.reason}) −[${downed}]`;
    });
    return lines.sort().join("\n");
  }

  #gossip(): void {
    for (const node of this.#nodes.values()) {
      for (const other of this.#nodes.values()) {
        if (other.side !== node.side || other === node) continue;
        for (const id of other.knows) node.knows.add(id);
        for (const id of other.knowsLeft) node.knowsLeft.add(id);
      }
    }
    for (const node of this.#nodes.values()) {
      for (const id of this.#nodes.keys()) if (this.sideOf(id) === node.side) node.knowsLeft.delete(id);
      for (const id of node.knowsLeft) node.knows.delete(id);
    }
  }

  #look(): void {
    const standings = new Map([...this.#nodes.values()].map(({ id, machine }) => [id, machine.standing]));
    for (const node of this.#nodes.values()) {
      for (const { id, side } of this.#nodes.values()) if (side === node.side) node.hasSeen.add(id);
      const { tellsHearsay = true } = this.#given;
      const known = [...node.knows].filter((id) => tellsHearsay || node.hasSeen.has(id));
      const members = known.map((id): ViewMember => {
        const other = this.#nodes.get(id);
        const isUp = other !== undefined && other.side === node.side;
        const { bornMs = 0 } = other ?? {};
        const roles = this.#roles.get(id) ?? [];
        return {
          id,
          bornMs,
          roles,
          state: isUp ? "up" : "unreachable",
          standing: isUp && this.#given.tellsStandings ? standings.get(id) : undefined,
        };
      });
      node.machine.step({ type: "view", members }, this.#nowMs);
    }
  }
}
