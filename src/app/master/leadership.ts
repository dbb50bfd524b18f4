/**
 * Who leads: this master, another one, or nobody at the moment. Every master answers for all of them: what is asked of one that does
 * not lead is passed on to the one that does, once; who gets it and does not lead either says so, and the first one looks again
 * until somebody leads or its patience is over.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { isUntouched, type KeptState } from "../../base/kept-state.ts";
import type { LinkAddress, LinkHandlers, LinkPool } from "../../wire/link/index.ts";
import { type CallContext, type Contract, Dispatcher, type Service } from "../../wire/rpc/index.ts";
import { reportsContract } from "../report/reports-contract.ts";
import type { Leading } from "./leading.ts";
import { pipelinesContract } from "./pipelines-contract.ts";
import { tasksContract } from "./tasks/tasks-contract.ts";

/** A call that was passed on: it is not passed on again. */
export const FORWARD_TOPIC = "master/forward";
/** The code of a refusal that ends when somebody leads. */
export const NO_LEADER = "master.no_leader";

/** An election takes less than a second; a group without its majority is told of soon. */
const PATIENCE_MS = 5_000;
const AGAIN_MS = 100;
/** What is asked of a master may end pipelines first: as long as a person waits. */
const FORWARD_TIMEOUT_MS = 60_000;

const CONTRACTS: readonly Contract[] = [pipelinesContract, tasksContract, reportsContract];

export interface Leader {
  readonly id: string;
  readonly address: LinkAddress;
}

export interface ForwardedCall {
  readonly contract: string;
  readonly method: string;
  readonly input: unknown;
}

/** The other masters. */
export interface Others {
  /** Who leads, as far as is known; undefined when nobody does, or this one. */
  leader(): Leader | undefined;
  /** Fails as what is called, and with `master.no_leader` when that one does not lead. */
  call(leader: Leader, call: ForwardedCall, signal?: AbortSignal): Promise<unknown>;
}

/** A master alone. */
export const NOBODY_ELSE: Others = {
  leader: () => undefined,
  call: () => Promise.reject(noLeader("this master is alone")),
};

export interface LeadershipPorts {
  readonly clock: Clock;
  readonly others: () => Others;
  /** Fails when what is kept cannot be read. */
  readonly takeUp: (kept: KeptState) => Promise<Leading>;
}

export class Leadership {
  /** What every master answers. */
  readonly services: readonly Service[];
  readonly handlers: LinkHandlers;
  readonly #ports: LeadershipPorts;
  #leading: { readonly leading: Leading; readonly dispatcher: Dispatcher } | undefined;
  /** Taking up and laying down come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ports: LeadershipPorts) {
    this.#ports = ports;
    this.services = CONTRACTS.map((contract) => this.#serviceOf(contract));
    this.handlers = {
      [FORWARD_TOPIC]: {
        request: (payload, { peer, signal }) => this.#here(readCall(payload), peer.id, signal),
      },
    };
  }

  get leading(): Leading | undefined {
    return this.#leading?.leading;
  }

  /** Another master that leads, as far as is known. */
  get leader(): Leader | undefined {
    return this.#ports.others().leader();
  }

  /** Leads from now on. Fails when what is kept cannot be read; then it does not. */
  takeUp(kept: KeptState): Promise<Leading> {
    return this.#inTurn(async () => {
      const leading = await this.#ports.takeUp(kept);
      this.#leading = { leading, dispatcher: new Dispatcher(leading.services, { clock: this.#ports.clock }) };
      return leading;
    });
  }

  /** Leads no more: at once without `drainMs`. Resolves when nothing runs here any more. */
  layDown(reason: string, how: { readonly drainMs?: number } = {}): Promise<void> {
    if (how.drainMs === undefined) void this.#leading?.leading.layDown(reason); // also while it lays down in order
    return this.#inTurn(async () => {
      const now = this.#leading;
      if (how.drainMs === undefined) this.#leading = undefined; // while it drains, it answers
      await now?.leading.layDown(reason, how);
      if (this.#leading === now) this.#leading = undefined;
    });
  }

  /** Here or at whoever leads. Fails as what is called, and with `master.no_leader`, which may pass. */
  async call(call: ForwardedCall, signal?: AbortSignal): Promise<unknown> {
    const { clock } = this.#ports;
    const untilMs = clock.monotonic() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.#once(call, signal);
      } catch (thrown) {
        const failure = toFailure(thrown, "master.failed");
        if (!isForTheNext(call, failure) || clock.monotonic() >= untilMs || signal?.aborted) throw failure;
      }
      await pause(clock, AGAIN_MS, signal);
    }
  }

  #once(call: ForwardedCall, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#leading) return this.#here(call, "this master", signal);
    const others = this.#ports.others();
    const leader = others.leader();
    if (leader) return others.call(leader, call, signal);
    return Promise.reject(noLeader("no master leads at the moment"));
  }

  async #here(call: ForwardedCall, name: string, signal: AbortSignal | undefined): Promise<unknown> {
    if (!this.#leading) throw noLeader("this master does not lead");
    const caller = { name, access: "node" } as const; // who was asked first has looked at who asks
    const timeoutMs = FORWARD_TIMEOUT_MS;
    const reply = await this.#leading.dispatcher.call({ ...call, caller, timeoutMs, ...(signal && { signal }) });
    if (!reply.ok) throw reply.failure;
    return reply.output;
  }

  #serviceOf(contract: Contract): Service {
    const handlers = Object.keys(contract.methods).map((method) => {
      const handler = (input: unknown, { signal }: CallContext): Promise<unknown> =>
        this.call({ contract: contract.name, method, input }, signal);
      return [method, handler] as const;
    });
    return { contract, handlers: Object.fromEntries(handlers) };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

/** Nothing was done, and another leader may do it. What is asked about pipelines is done by one write; a graph of tasks begins with several. */
function isForTheNext({ contract }: ForwardedCall, failure: Failure): boolean {
  return failure.code === NO_LEADER || (contract === pipelinesContract.name && isUntouched(failure));
}

/** Over the links that a node has. */
export function callOverLinks(links: LinkPool): Others["call"] {
  return async ({ address, id }, call, signal) => {
    const link = await links.get(address, { id, signal });
    return link.request(FORWARD_TOPIC, call, { timeoutMs: FORWARD_TIMEOUT_MS, signal });
  };
}

function noLeader(why: string): Failure {
  return new Failure(NO_LEADER, `${why}; a master that leads is required`, { retryable: true });
}

function readCall(payload: unknown): ForwardedCall {
  const { contract, input, method } = (payload ?? {}) as Partial<Record<keyof ForwardedCall, unknown>>; // looked at below
  if (typeof contract === "string" && typeof method === "string") return { contract, method, input };
  throw new Failure("rpc.bad_request", "a call that is passed on names no contract and method");
}
