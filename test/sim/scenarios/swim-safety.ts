/**
 * What must never happen among members, whatever goes wrong. The watcher knows the truth of the world (who runs, who has left,
 * what each node has said of itself) and an order of news of its own, written without a look at the protocol's.
 */
import {
  type Member,
  type MemberEvent,
  type Swim,
  type SwimMessage,
  type SwimSizes,
  sizeOfUpdate,
} from "../../../src/protocol/swim/index.ts";
import { Violation } from "../run/scenario.ts";
import { idOf, type SwimNodes, type SwimWatcher } from "./swim-nodes.ts";

/** What a node has said of itself: each life, and how far its incarnation has come there. */
type Issued = Map<number, number>;

const GRAVITY = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;

export class SwimSafety implements SwimWatcher {
  /** Live nodes that somebody declared dead. */
  falseDeaths = 0;
  suspicions = 0;
  readonly #nodes: () => SwimNodes;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #issued: Issued[];
  /** What the process on a node last said of itself. */
  readonly #selves: (Member | undefined)[] = [];
  /** Lives that a node has left of its own will, as id and birth. */
  readonly #left = new Set<string>();
  readonly #leaving = new Set<number>();
  /** What each node holds of each other one, as last seen: by viewer, then by subject. */
  readonly #views: (Member | undefined)[][];
  /** By its events: who is up for each viewer. */
  readonly #up: Set<string>[];
  /** When a node ended, on each viewer's clock; undefined while it runs. */
  readonly #endedAt: (readonly number[] | undefined)[];

  constructor(count: number, nodes: () => SwimNodes) {
    this.#nodes = nodes;
    this.#ids = new Map(Array.from({ length: count }, (_, index) => [idOf(index), index]));
    this.#issued = Array.from({ length: count }, () => new Map());
    this.#views = Array.from({ length: count }, () => []);
    this.#up = Array.from({ length: count }, () => new Set());
    this.#endedAt = Array.from({ length: count }, () => undefined);
  }

  /** Its next `self` may say that it leaves. */
  mayLeave(node: number): void {
    this.#leaving.add(node);
  }

  isLeaving(node: number): boolean {
    return this.#leaving.has(node);
  }

  started(node: number): void {
    this.#leaving.delete(node);
    this.#views[node] = [];
    this.#up[node] = new Set();
    this.#endedAt[node] = undefined;
    this.#selves[node] = undefined;
  }

  ended(node: number, reason: "left" | "yielded"): void {
    if (reason === "yielded")
      throw new Violation(`node ${node} makes way for another, but it is the only one of its id`);
    if (!this.#leaving.has(node)) throw new Violation(`node ${node} has left without being told to`);
  }

  sent(node: number, message: SwimMessage, machine: Swim): void {
    this.#checkSelf(node, machine.self);
    this.#checkId(message.from.id, node, "as its sender");
    if (message.type === "sync") {
      for (const { id } of message.members) this.#checkId(id, node, "in a view");
      return;
    }
    this.#checkId(message.to, node, "as its receiver");
    if (message.type === "ping_req") this.#checkId(message.target.id, node, "as its target");
    let bytes = 0;
    for (const update of message.gossip) {
      bytes += sizeOfUpdate(update);
      this.#checkId(update.member.id, node, "in its gossip");
      this.#checkId(update.by, node, "as a witness");
    }
    const { gossipBytesMax } = this.#nodes().options;
    if (bytes > gossipBytesMax)
      throw new Violation(`node ${node} sends ${bytes} bytes of gossip, ${gossipBytesMax} are allowed`);
  }

  /** Joins and leaves of one member alternate, and the rest happens between them. */
  event(node: number, { kind, member: { id, state } }: MemberEvent): void {
    const up = this.#up[node]!;
    if (kind === "join" ? up.has(id) : !up.has(id))
      throw new Violation(
        `node ${node} hears of ${kind} of ${id}, which is ${kind === "join" ? "up" : "not up"} for it`,
      );
    if (kind === "join") up.add(id);
    if (kind === "suspect") this.suspicions++;
    if (kind !== "leave") return;
    up.delete(id);
    const subject = this.#ids.get(id)!;
    if (state === "dead" && this.#nodes().world.nodes[subject]!.isUp) this.falseDeaths++;
  }

  /** All views against the truth and against what they were. */
  check(): string | undefined {
    const { nodes } = this.#nodes().world;
    this.#noteEnds();
    for (const { index } of nodes) {
      const machine = this.#nodes().machine(index);
      if (machine === undefined) continue;
      this.#checkSelf(index, machine.self);
      const members = machine.members();
      for (const member of members) if (member.id !== idOf(index)) this.#checkMember(index, member);
      const grown = tooLarge(machine.counts(), nodes.length);
      if (grown !== undefined) return `node ${index} of ${nodes.length} has ${grown}`;
      if (members.length > nodes.length)
        return `node ${index} knows ${members.length} members, there are ${nodes.length}`;
      for (const { index: subject } of nodes) this.#checkProbe(index, subject);
    }
    return undefined;
  }

  #noteEnds(): void {
    const { nodes } = this.#nodes().world;
    for (const { index, isUp } of nodes) {
      if (isUp || this.#endedAt[index] !== undefined) continue;
      this.#endedAt[index] = nodes.map(({ clock }) => clock.monotonic());
    }
  }

  #checkId(id: string, node: number, as: string): void {
    if (!this.#ids.has(id))
      throw new Violation(`node ${node} sends a message with the unknown id ${JSON.stringify(id)} ${as}`);
  }

  /** A node is alive for itself unless it leaves, and its incarnation grows. */
  #checkSelf(node: number, self: Member): void {
    const before = this.#selves[node];
    if (self === before) return;
    this.#selves[node] = self;
    const { bornMs, incarnation, state } = self;
    if (state !== "alive" && !(state === "left" && this.#leaving.has(node))) {
      throw new Violation(`node ${node} holds itself ${state}${this.#leaving.has(node) ? " while it leaves" : ""}`);
    }
    if (before !== undefined && isOlder(self, before)) {
      throw new Violation(`node ${node} was ${textOf(before)} and is now ${textOf(self)}`);
    }
    if (state === "left") this.#left.add(`${node} ${bornMs}`);
    const issued = this.#issued[node]!;
    issued.set(bornMs, Math.max(incarnation, issued.get(bornMs) ?? 0));
  }

  #checkMember(node: number, member: Member): void {
    const subject = this.#ids.get(member.id);
    if (subject === undefined) throw new Violation(`node ${node} knows ${member.id}, which nobody is`);
    const before = this.#views[node]![subject];
    if (before === member) return;
    this.#views[node]![subject] = member;
    const { bornMs, incarnation, state } = member;
    const issued = this.#issued[subject]!.get(bornMs);
    if (issued === undefined || incarnation > issued) {
      throw new Violation(
        `node ${node} holds ${textOf(member)}, which it never said of itself: ${issued ?? "no such life"}`,
      );
    }
    if (state === "left" && !this.#left.has(`${subject} ${bornMs}`)) {
      throw new Violation(`node ${node} holds ${textOf(member)}, but it has not left`);
    }
    if (before !== undefined && isOlder(member, before)) {
      throw new Violation(`node ${node} held ${textOf(before)} and now holds ${textOf(member)}: old news`);
    }
  }

  /** Nobody answers a probe that was sent after its end. */
  #checkProbe(node: number, subject: number): void {
    const endedAt = this.#endedAt[subject]?.[node];
    if (endedAt === undefined) return;
    const probe = this.#nodes().machine(node)!.explain(idOf(subject))?.lastProbe;
    if (probe === undefined || probe.atMs <= endedAt || !probe.outcome.startsWith("acked")) return;
    throw new Violation(
      `node ${node} takes it that node ${subject} answered a probe sent ${probe.atMs - endedAt} ms after its end`,
    );
  }
}

/** Of everything that a node keeps for a while: what is more than its bound, for so many nodes. */
export function tooLarge(sizes: SwimSizes, nodes: number): string | undefined {
  const bounds = {
    gossipQueued: nodes,
    urgentWaiting: nodes,
    probesUnderWay: nodes,
    relaysUnderWay: 256,
    syncsPending: 64,
    // One for each suspicion, probe and relay, and a handful of its own.
    timersWaiting: 2 * nodes + sizes.relaysUnderWay + 16,
  } as const satisfies Partial<SwimSizes>;
  for (const name of Object.keys(bounds) as (keyof typeof bounds)[]) {
    if (sizes[name] > bounds[name]) return `${name} ${sizes[name]}, at most ${bounds[name]} are allowed`;
  }
  return undefined;
}

function isOlder(now: Member, before: Member): boolean {
  if (now.bornMs !== before.bornMs) return now.bornMs < before.bornMs;
  if (now.incarnation !== before.incarnation) return now.incarnation < before.incarnation;
  return GRAVITY[now.state] < GRAVITY[before.state];
}

function textOf({ bornMs, id, incarnation, state }: Member): string {
  return `${id} ${state} in life ${bornMs}, incarnation ${incarnation}`;
}
