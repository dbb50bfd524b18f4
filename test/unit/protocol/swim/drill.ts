/**
 * One run of a small cluster through everything that the protocol promises to survive, and what was wrong with it. The same
 * drill finds nothing with the right rules and finds each planted bug.
 */
import { localOptions, type SwimRules, swimRules } from "../../../../src/protocol/swim/index.ts";
import { idsOf, isAtWork, Network, type Node } from "./network.ts";

const SIZE = 8;
const GOSSIP_BYTES_MAX = 400;

class Drill {
  readonly net: Network;
  readonly nodes: readonly Node[];
  readonly faults: string[] = [];

  constructor(seed: number, changed: Partial<SwimRules>) {
    const rules = { ...swimRules, ...changed };
    const options = { gossipBytesMax: GOSSIP_BYTES_MAX };
    this.net = new Network({ seed, loss: 0.05, preset: localOptions(), options, rules });
    this.net.watch = (node, effect) => {
      if (effect.type !== "send" || effect.message.type === "sync") return;
      const bytes = effect.message.gossip.reduce((sum, each) => sum + this.net.options.sizeOf(each), 0);
      if (bytes > GOSSIP_BYTES_MAX) this.#fault(`${node.id} sent ${bytes} bytes of gossip`);
    };
    this.nodes = this.net.addCluster(SIZE);
  }

  run(): readonly string[] {
    this.#expectWithin(10_000, "all joined", () => this.net.agreesOn(this.#ids(this.nodes)));
    this.#expectWithin(20_000, "the gossip ended", () => this.#quiet());
    this.#stopAWhile(this.nodes[1]!);
    this.#loseWay();
    this.#partition();
    this.#leave(this.nodes[2]!);
    this.#kill(this.nodes[3]!);
    this.#replay(this.nodes[3]!);
    return this.faults;
  }

  /** A stopped process is suspected; it must come back without having been dead. */
  #stopAWhile(node: Node): void {
    const heard = this.#leaves(node);
    node.pausedUntilMs = this.net.nowMs + 1_200;
    this.net.run(1_200);
    this.#expectWithin(15_000, `${node.id} was refuted`, () => this.net.agreesOn(this.#ids(this.nodes)));
    if (this.#leaves(node) > heard) this.#fault(`${node.id} was held dead while it was only slow`);
  }

  /** Datagrams of one pair get lost: the others relay. */
  #loseWay(): void {
    const [from, to] = [this.nodes[4]!, this.nodes[5]!];
    const before = from.swim.counts().suspicions;
    this.net.passes = (a, b) => !(a === from.id && b === to.id);
    this.net.run(30_000);
    this.net.passes = () => true;
    if (from.swim.counts().suspicions - before > 2)
      this.#fault(`${from.id} suspected ${to.id}, whom others could reach`);
    this.#expectWithin(15_000, "all were up after a lost way", () => this.net.agreesOn(this.#ids(this.nodes)));
  }

  #partition(): void {
    const side = new Set(this.nodes.slice(0, SIZE / 2).map(({ id }) => id));
    this.net.passes = (from, to) => side.has(from) === side.has(to);
    this.#expectWithin(30_000, "the sides held each other dead", () =>
      this.nodes.every(({ id, swim }) =>
        swim.members().every((each) => (each.state === "alive") === (side.has(each.id) === side.has(id))),
      ),
    );
    // Longer than the dead are still gossiped to.
    this.net.run(this.net.options.gossipToDeadMs);
    this.net.passes = () => true;
    this.#expectWithin(30_000, "the sides found each other", () => this.net.agreesOn(this.#ids(this.nodes)));
  }

  #leave(node: Node): void {
    this.net.feed(node, { type: "leave" });
    this.net.run(3_000);
    if (node.swim.phase !== "ended") this.#fault(`${node.id} has not ended`);
    const others = this.nodes.filter((each) => each !== node && isAtWork(each));
    if (!others.every(({ swim }) => swim.member(node.id)?.state === "left"))
      this.#fault(`${node.id} left, and is ${others[0]!.swim.member(node.id)?.state}`);
  }

  #kill(node: Node): void {
    this.net.kill(node);
    const others = this.nodes.filter(isAtWork);
    this.#expectWithin(15_000, `${node.id} was dead everywhere`, () =>
      others.every(({ swim }) => swim.member(node.id)?.state === "dead"),
    );
  }

  /** What the dead one has said in its time is told again. */
  #replay(node: Node): void {
    const [first] = this.nodes;
    const gossip = [{ member: { ...node.swim.self, incarnation: 0 }, by: node.id }];
    const from = { id: node.id, address: node.address, bornMs: node.swim.self.bornMs };
    this.net.deliver(first!.address, node, { type: "gossip", from, to: first!.id, gossip });
    if (idsOf(first!.swim.members(), "alive").includes(node.id))
      this.#fault(`${node.id} rose from the dead by old news`);
    this.#expectWithin(20_000, "the gossip ended", () => this.#quiet());
  }

  #quiet(): boolean {
    return this.nodes.filter(isAtWork).every(({ swim }) => swim.counts().gossipQueued === 0);
  }

  #leaves({ id }: Node): number {
    return this.nodes.flatMap(({ events }) => events).filter(({ kind, member }) => kind === "leave" && member.id === id)
      .length;
  }

  #ids(nodes: readonly Node[]): string[] {
    return nodes.map(({ id }) => id);
  }

  #expectWithin(forMs: number, what: string, holds: () => boolean): void {
    if (this.net.runUntil(holds, forMs) === undefined) this.#fault(`not within ${forMs} ms: ${what}`);
  }

  #fault(what: string): void {
    this.faults.push(`@${Math.round(this.net.nowMs)} ${what}`);
  }
}

/** What was wrong, in words; nothing when all promises were kept. */
export function drill(seed: number, changed: Partial<SwimRules> = {}): readonly string[] {
  return new Drill(seed, changed).run();
}
