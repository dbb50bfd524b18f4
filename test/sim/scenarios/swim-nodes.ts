/**
 * Nodes that run the membership protocol, and nothing else: makes a machine for each life of a node, carries its effects into
 * the world, and shows all that goes past to whoever watches. Node `n` of the world has id `node-n` and port `PORT_BASE + n`.
 */
import {
  type Address,
  type MemberEvent,
  Swim,
  type SwimEffect,
  type SwimInput,
  type SwimMessage,
  type SwimOptions,
  type SwimRules,
  sizeOfUpdate,
  type Update,
} from "../../../src/protocol/swim/index.ts";
import { MachineProcess, type Port, type Process, textTag, type World } from "../world/index.ts";

const PORT_BASE = 10_000;
const HOST = "10.0.0.1";

export interface SwimWatcher {
  /** Before a message leaves a node. */
  sent?(node: number, message: SwimMessage, machine: Swim): void;
  /** What a node tells its listeners. */
  event?(node: number, event: MemberEvent): void;
  started?(node: number): void;
  /** It has left, or has made way for another: its process ends now. */
  ended?(node: number, reason: "left" | "yielded"): void;
}

export interface SwimNodesOptions {
  readonly count: number;
  readonly options: SwimOptions;
  readonly rules: SwimRules;
  /** Whom a node asks to let it in. */
  readonly seeds: readonly number[];
  readonly watchers: readonly SwimWatcher[];
}

type SwimProcess = MachineProcess<SwimMessage, SwimInput, SwimEffect> & { readonly machine: Swim };

export class SwimNodes {
  readonly count: number;
  readonly options: SwimOptions;
  readonly #rules: SwimRules;
  readonly #watchers: SwimWatcher[];
  readonly #seeds: readonly number[];
  #world: World<SwimMessage> | undefined;

  constructor({ count, options, rules, seeds, watchers }: SwimNodesOptions) {
    this.count = count;
    this.options = options;
    this.#rules = rules;
    this.#seeds = seeds;
    this.#watchers = [...watchers];
  }

  get world(): World<SwimMessage> {
    if (this.#world === undefined) throw new Error("the nodes are not in a world yet");
    return this.#world;
  }

  watch(watcher: SwimWatcher): void {
    this.#watchers.push(watcher);
  }

  enter(world: World<SwimMessage>): void {
    this.#world = world;
  }

  /** The machine that runs on a node now. */
  machine(node: number): Swim | undefined {
    return (this.world.nodes[node]!.process as SwimProcess | undefined)?.machine;
  }

  feed(node: number, input: SwimInput): void {
    this.world.poke(node, (process, nowMs) => (process as SwimProcess).feed(input, nowMs));
  }

  readonly launch = (port: Port<SwimMessage>): Process<SwimMessage> => {
    const { index, clock } = port;
    const machine = new Swim(selfOf(index, clock.wall()), this.options, port.random, this.#rules);
    const process = new MachineProcess<SwimMessage, SwimInput, SwimEffect>({
      machine,
      toInput: (from, message) => ({ type: "receive", from: addressOf(from), message }),
      toUndelivered: (to, message) => ({ type: "undelivered", to: addressOf(to), message }),
      carryOut: (effect) => this.#carryOut(effect, port, machine),
    });
    for (const watcher of this.#watchers) watcher.started?.(index);
    const nowMs = clock.monotonic();
    process.feed({ type: "start" }, nowMs);
    const seeds = this.#seeds.filter((seed) => seed !== index);
    if (seeds.length > 0) process.feed({ type: "join", seeds: seeds.map(addressOf) }, nowMs);
    return process;
  };

  #carryOut(effect: SwimEffect, port: Port<SwimMessage>, machine: Swim): undefined {
    switch (effect.type) {
      case "send": {
        for (const watcher of this.#watchers) watcher.sent?.(port.index, effect.message, machine);
        const to = indexOf(effect.to);
        if (effect.via === "stream") port.sendStream(to, effect.message);
        else port.send(to, effect.message);
        return;
      }
      case "event":
        this.#note(port.index, effect.event);
        for (const watcher of this.#watchers) watcher.event?.(port.index, effect.event);
        return;
      case "ended":
        for (const watcher of this.#watchers) watcher.ended?.(port.index, effect.reason);
        this.#endLater(port);
        return;
      case "joined":
        return;
    }
  }

  /** Not at once: the process is still at work. */
  #endLater({ index, life }: Port<SwimMessage>): void {
    this.world.at(this.world.nowMs, () => {
      if (this.world.nodes[index]!.life === life) this.world.kill(index);
    });
  }

  #note(node: number, { kind, member, by, reason }: MemberEvent): void {
    const { trace, nowMs } = this.world;
    trace.number(textTag(kind) ^ indexOf(member.address));
    if (trace.isVerbose) {
      const what = `${member.id} life ${member.bornMs} incarnation ${member.incarnation} ${member.state}`;
      trace.line(nowMs, `node ${node} event ${kind}: ${what}: ${reason}${by === undefined ? "" : `, says ${by}`}`);
    }
  }
}

/** `count` different numbers of nodes that are seeds, node 0 first. */
export function firstNodes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

export function idOf(node: number): string {
  return `node-${node}`;
}

const ADDRESSES: Address[] = [];

/** One object for each address, as a codec that interns them would make. */
export function addressOf(node: number): Address {
  ADDRESSES[node] ??= { host: HOST, port: PORT_BASE + node };
  return ADDRESSES[node];
}

export function indexOf({ port }: Address): number {
  return port - PORT_BASE;
}

function selfOf(node: number, bornMs: number) {
  const meta = { name: `worker ${node}`, roles: ["worker"], capacities: { cpu: 4 }, labels: { zone: `z${node % 3}` } };
  return { id: idOf(node), address: addressOf(node), bornMs, meta };
}

/** What a message costs beside its gossip: type, sequence number, sender, target, seal. */
const MESSAGE_BYTES = 110;

export function sizeOfMessage(message: SwimMessage): number {
  let bytes = MESSAGE_BYTES;
  if (message.type === "sync") for (const member of message.members) bytes += sizeOfUpdate({ member, by: "" });
  else bytes += sizeOfGossip(message.gossip);
  return bytes;
}

export function sizeOfGossip(gossip: readonly Update[]): number {
  let bytes = 0;
  for (const update of gossip) bytes += sizeOfUpdate(update);
  return bytes;
}

const STATES = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;
const TYPES = { ping: 1, ack: 2, nack: 3, ping_req: 4, gossip: 5, sync: 6 } as const;

/** All that makes two messages different, in one number. */
export function tagOfMessage(message: SwimMessage): number {
  let tag: number = TYPES[message.type];
  const mix = (value: number): void => {
    tag = Math.imul(tag ^ value, 0x01000193);
  };
  if (message.type === "sync") {
    mix(message.seq);
    mix(message.digest);
    mix(message.members.length);
    return tag;
  }
  if (message.type !== "gossip") mix(message.seq);
  for (const { member } of message.gossip) {
    mix(member.address.port);
    mix(member.incarnation);
    mix(STATES[member.state]);
  }
  return tag;
}

export function describeMessage(message: SwimMessage): string {
  if (message.type === "sync") {
    const { digest, isJoin, isReply, members, seq } = message;
    return `sync ${seq}${isReply ? " reply" : ""}${isJoin ? " join" : ""}, ${members.length} members, digest ${digest}`;
  }
  const about = message.type === "ping_req" ? ` of ${message.target.id}` : "";
  const seq = message.type === "gossip" ? "" : ` ${message.seq}`;
  const news = message.gossip.map(({ by, member }) => `${member.id} ${member.state} ${member.incarnation} by ${by}`);
  return `${message.type}${seq}${about}${news.length > 0 ? `: ${news.join("; ")}` : ""}`;
}
