/** What scenarios of whole memberships have in common: a cluster that starts, the sides of a split, and what is to be in the end. */
import type { Cast, Setup, Stage } from "../run/index.ts";
import type { FaultMix, Launch, Weather } from "../world/index.ts";
import {
  describeBytes,
  type MembershipMessage,
  MembershipNodes,
  type MembershipNodesOptions,
  tagOfBytes,
} from "./membership-nodes.ts";
import { firstNodes, idOf, indexOf } from "./swim-nodes.ts";

export interface MembershipCastOptions extends Pick<MembershipNodesOptions, "options" | "rules" | "seal"> {
  readonly nodes: number;
  readonly weather: Weather;
  readonly mix: FaultMix;
  readonly upMin: number;
}

export class MembershipCast implements Cast<MembershipMessage> {
  readonly nodes: number;
  readonly launch: Launch<MembershipMessage>;
  readonly weather: Weather;
  readonly mix: FaultMix;
  readonly upMin: number;
  readonly goneMax = 0;
  protected readonly cluster: MembershipNodes;
  protected readonly setup: Setup;

  constructor(setup: Setup, { nodes, options, weather, mix, upMin, rules, seal }: MembershipCastOptions) {
    this.setup = setup;
    this.nodes = nodes;
    this.weather = weather;
    this.mix = mix;
    this.upMin = upMin;
    const extras = { ...(rules && { rules }), ...(seal && { seal }) };
    this.cluster = new MembershipNodes({ count: nodes, options, seeds: firstNodes(2), ...extras });
    this.launch = this.cluster.launch;
  }

  begin({ world }: Stage<MembershipMessage>): void {
    for (let node = 0; node < this.nodes; node++) {
      world.at(node * 50, () => world.start(node));
    }
  }

  goal(stage: Stage<MembershipMessage>): string | undefined {
    for (const { index, isUp } of stage.world.nodes) {
      if (!isUp) continue;
      const membership = this.cluster.membership(index)!;
      const seen = this.seenBy(index);
      const wanted = stage.world.nodes.filter((node) => node.isUp).map((node) => node.index);
      if (seen.join() !== wanted.join()) return `node ${index} sees ${seen.join(" ")} instead of ${wanted.join(" ")}`;
      if (membership.status === "down") return `node ${index} is down: ${membership.partition.state.self.reason}`;
    }
    return undefined;
  }

  tagOf(message: MembershipMessage): number {
    return tagOfBytes(message);
  }

  describe(message: MembershipMessage): string {
    return describeBytes(message);
  }

  sizeOf(message: MembershipMessage): number {
    return message.type === "refuse" ? 1 : message.bytes.length;
  }

  /** Nodes that a node holds for reachable, itself included, in their order. */
  protected seenBy(node: number): readonly number[] {
    const members = this.cluster.membership(node)!.members();
    return members
      .flatMap(({ address, state }) => (state === "alive" || state === "suspect" ? [indexOf(address)] : []))
      .sort((a, b) => a - b);
  }

  /** Is `viewer` up and has given up `subject`, who is up as well? */
  protected goesOnWithout(viewer: number, subject: number): boolean {
    const [one, other] = [this.cluster.membership(viewer), this.cluster.membership(subject)];
    if (one?.status !== "up" || other?.status !== "up") return false;
    return one.partition.state.downed.includes(idOf(subject));
  }

  /** Pairs of which both are up, and one has given up the other. */
  protected tornPairs(): number {
    let pairs = 0;
    for (let one = 0; one < this.nodes; one++) {
      for (let other = one + 1; other < this.nodes; other++) {
        if (this.goesOnWithout(one, other) || this.goesOnWithout(other, one)) pairs++;
      }
    }
    return pairs;
  }
}
