/**
 * Nodes that run whole memberships: codec, seal, φ and partitions included. Datagrams and push-pulls are bytes; a push-pull is
 * two stream messages. Every datagram that goes past is held against its bound.
 */
import {
  DATAGRAM_BYTES_MAX,
  Membership,
  type MembershipOptions,
  type MembershipRules,
  SEAL_BYTES_MAX,
  type Seal,
} from "../../../src/cluster/membership/index.ts";
import { addressText } from "../../../src/protocol/swim/index.ts";
import { Violation } from "../run/index.ts";
import { PartProcess, type Port, type Process, textTag } from "../world/index.ts";
import { addressOf, idOf, indexOf } from "./swim-nodes.ts";

export type MembershipMessage =
  | { readonly type: "datagram"; readonly bytes: Uint8Array }
  | { readonly type: "ask" | "answer"; readonly call: number; readonly bytes: Uint8Array }
  | { readonly type: "refuse"; readonly call: number };

export interface MembershipNodesOptions {
  readonly count: number;
  readonly options: MembershipOptions;
  readonly rules?: MembershipRules;
  /** Instead of one that has no faults. */
  readonly seal?: Seal;
  /** Nodes by which the others join. */
  readonly seeds: readonly number[];
  /** Before a life begins. */
  readonly starting?: (node: number) => void;
}

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (reason: Error) => void;
}

/** As long as a real seal's, with nothing to keep secret. */
const MARK_BYTES = SEAL_BYTES_MAX;

export const TOY_SEAL: Seal = {
  seal: (bytes, to) => Buffer.concat([Buffer.from(addressText(to).padEnd(MARK_BYTES)), bytes]),
  open: (bytes, own) => {
    const mark = Buffer.from(addressText(own).padEnd(MARK_BYTES));
    const fits = Buffer.from(bytes.subarray(0, MARK_BYTES)).equals(mark);
    return fits ? { ok: true, bytes: bytes.subarray(MARK_BYTES) } : { ok: false, reason: "forged" };
  },
};

export class MembershipNodes {
  readonly #options: MembershipNodesOptions;
  readonly #running = new Map<number, Membership>();

  constructor(options: MembershipNodesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#options.count;
  }

  /** What runs on a node now. */
  membership(node: number): Membership | undefined {
    return this.#running.get(node);
  }

  readonly launch = (port: Port<MembershipMessage>): Process<MembershipMessage> => {
    const { index } = port;
    this.#options.starting?.(index);
    const clock = port.partClock();
    const calls = new Map<number, Waiting>();
    let receive = (_from: number, _bytes: Uint8Array): void => {};
    let lastCall = 0;
    const membership = new Membership(
      selfOf(index, Math.floor(clock.now())),
      this.#options.options,
      {
        clock,
        random: port.random,
        seal: this.#options.seal ?? TOY_SEAL,
        resolve: async () => [],
        datagrams: {
          send: (to, bytes) => {
            if (bytes.length > DATAGRAM_BYTES_MAX) throw new Violation(`a datagram has ${bytes.length} bytes`);
            port.send(indexOf(to), { type: "datagram", bytes: Uint8Array.from(bytes) });
          },
          onReceive: (handler) => {
            receive = (from, bytes) => handler(addressOf(from), bytes);
          },
        },
        syncs: {
          sync: (to, bytes) => {
            const { promise, reject, resolve } = Promise.withResolvers<Uint8Array>();
            calls.set(++lastCall, { reject, resolve });
            port.sendStream(indexOf(to), { type: "ask", call: lastCall, bytes: Uint8Array.from(bytes) });
            return promise;
          },
        },
        warn: () => {},
        failed: (thrown) => {
          throw thrown;
        },
      },
      this.#options.rules,
    );
    this.#running.set(index, membership);
    membership.start();
    void membership.join(this.#options.seeds.map((seed) => addressText(addressOf(seed))));
    const process = new PartProcess<MembershipMessage>({
      clock,
      receive: (from, message) => {
        if (message.type === "datagram") receive(from, message.bytes);
        else if (message.type === "ask") port.sendStream(from, answer(membership, from, message.call, message.bytes));
        else settle(calls, message);
      },
      undelivered: (_to, message) => {
        if (message.type === "ask") settle(calls, { type: "refuse", call: message.call });
      },
    });
    return Object.assign(process, { end: () => this.#end(index, membership, clock) });
  };

  #end(index: number, membership: Membership, clock: { stop(): void }): void {
    membership.stop();
    clock.stop();
    if (this.#running.get(index) === membership) this.#running.delete(index);
  }
}

function answer(membership: Membership, from: number, call: number, bytes: Uint8Array): MembershipMessage {
  try {
    return { type: "answer", call, bytes: Uint8Array.from(membership.answerSync(idOf(from), bytes)) };
  } catch {
    return { type: "refuse", call };
  }
}

function settle(calls: Map<number, Waiting>, message: MembershipMessage): void {
  if (message.type === "datagram") return;
  const waiting = calls.get(message.call);
  calls.delete(message.call);
  if (message.type === "answer") waiting?.resolve(message.bytes);
  else waiting?.reject(new Error("refused"));
}

function selfOf(node: number, bornMs: number) {
  const meta = { name: `worker ${node}`, roles: ["worker"], capacities: { cpu: 4 }, labels: { zone: `z${node % 3}` } };
  return { id: idOf(node), address: addressOf(node), bornMs, meta };
}

export function tagOfBytes(message: MembershipMessage): number {
  if (message.type === "refuse") return message.call;
  let tag = textTag(message.type);
  for (const byte of message.bytes) tag = Math.imul(tag ^ byte, 0x01000193);
  return tag;
}

export function describeBytes(message: MembershipMessage): string {
  if (message.type === "refuse") return `refuse ${message.call}`;
  return `${message.type} of ${message.bytes.length} bytes`;
}
