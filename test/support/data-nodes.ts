/**
 * Nodes that keep replicated data, without consensus: all have the same groups, each a state machine of its own kind, and every call
 * goes through the contracts' services. Faults are planted by the test: a node that is down, an answer that is lost, no leader.
 */

import type { DataPort, GroupStatus } from "../../src/app/data/data-port.ts";
import { dataServices } from "../../src/app/data/data-services.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { Failure } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { DataClient, type Way } from "../../src/data/client/index.ts";
import { DataMachine, encodeCommand } from "../../src/data/machine/index.ts";
import { failureOf, type MarkedCommand } from "../../src/data/words/index.ts";
import { Dispatcher, type OutgoingCall, type Reply } from "../../src/wire/rpc/index.ts";

export interface Planted {
  /** Of each try, by its node's name; what it throws is what the caller gets, and nothing is done. */
  before?: (node: string, call: OutgoingCall) => void | Promise<void>;
  /** It is done, and this is what the caller hears. */
  after?: (node: string, call: OutgoingCall) => void | Promise<void>;
  /** Of the command itself, behind the service. */
  propose?: (group: string, marked: MarkedCommand) => void | Promise<void>;
  /** Applied, and this is what becomes of the answer. */
  proposed?: (group: string, marked: MarkedCommand) => void | Promise<void>;
}

export class DataNodes {
  readonly faults: Planted = {};
  /** The group's clock, for all groups. */
  groupMs = 1_000;
  /** Every command that was applied, in order. */
  readonly applied: MarkedCommand[] = [];
  readonly machines: ReadonlyMap<string, DataMachine>;
  readonly ways: readonly Way[];
  readonly #clock: Clock;
  #index = 0;
  #ids = 0;

  constructor({
    clock = systemClock,
    groups = ["main"],
    nodes = ["n1", "n2", "n3"],
  }: { readonly clock?: Clock; readonly groups?: readonly string[]; readonly nodes?: readonly string[] } = {}) {
    this.#clock = clock;
    this.machines = new Map(groups.map((group) => [group, new DataMachine()]));
    this.ways = nodes.map((name) => this.#way(name));
  }

  client(options: { readonly timeoutMs?: number; readonly ways?: readonly Way[] } = {}): DataClient {
    const { timeoutMs, ways = this.ways } = options;
    return new DataClient({
      clock: this.#clock,
      random: seededRandom(7),
      newId: () => `made-by-test-${++this.#ids}`,
      ways: () => ways,
      timeoutMs,
    });
  }

  /** As the leader does when something is due. */
  pass(ms: number): void {
    this.groupMs += ms;
    for (const group of this.machines.keys()) this.apply(group, { command: { type: "tick" } });
  }

  apply(group: string, marked: MarkedCommand): unknown {
    const outcome = this.machine(group).apply(encodeCommand(marked), { index: ++this.#index, clockMs: this.groupMs });
    this.applied.push(marked);
    if (!outcome.ok) throw failureOf(outcome);
    return outcome.reply;
  }

  machine(group = "main"): DataMachine {
    const machine = this.machines.get(group);
    if (machine) return machine;
    throw new Failure("data.unknown_group", `there is no group ${group}; there are ${[...this.machines.keys()]}`);
  }

  #way(name: string): Way {
    const services = dataServices({ data: this.#port(name), clock: this.#clock });
    const dispatcher = new Dispatcher(services, { clock: this.#clock });
    const transport = async (call: OutgoingCall): Promise<Reply> => {
      await this.faults.before?.(name, call);
      const { contract, method, timeoutMs, version } = call;
      const input = JSON.parse(JSON.stringify(call.input)) as unknown; // as it would arrive
      const caller = { name: "test", access: "operate" } as const;
      const reply = await dispatcher.call({ contract, method, version, input, caller, timeoutMs, signal: call.signal });
      await this.faults.after?.(name, call);
      return reply.ok ? { ok: true, output: JSON.parse(JSON.stringify(reply.output)) as unknown } : reply;
    };
    return { name, transport };
  }

  #port(node: string): DataPort {
    return {
      groups: () => [...this.machines.keys()],
      propose: async (group, marked) => {
        this.machine(group);
        await this.faults.propose?.(group, marked);
        try {
          return this.apply(group, marked);
        } finally {
          await this.faults.proposed?.(group, marked);
        }
      },
      read: async (group, _consistency, read) => read(this.machine(group)),
      status: (group) => this.#status(node, group),
      async transfer() {},
      async reconfigure() {},
      async snapshot() {},
      verify: async () => ({ entries: this.#index, bytes: 0, damaged: [] }),
    };
  }

  #status(node: string, group: string): GroupStatus {
    const log = { term: 3, commit: this.#index, applied: this.#index, first: 1, last: this.#index, logBytes: 0 };
    const members = this.ways.map(({ name }) => ({ id: name, kind: "voter" as const, match: this.#index }));
    const dataBytes = this.machine(group).sizeBytes;
    return { group, node, role: "leader", leader: node, ...log, dataBytes, durability: "fsync", members };
  }
}

/** Of a call whose answer never came. */
export function lost(): Failure {
  return new Failure("rpc.unreachable", "the connection was lost", { retryable: true });
}

export function noLeader(): Failure {
  return new Failure("consensus.no_leader", "there is no leader", { retryable: true });
}
