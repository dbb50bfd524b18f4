/** Service contracts over links: calls travel as requests of one topic, and failures come back as they were thrown. */
import { Failure } from "../../base/errors.ts";
import type { Dispatcher, OutgoingCall, Reply, Transport } from "../rpc/index.ts";
import type { GetOptions } from "./pool.ts";
import type { LinkAddress, PeerLink, TopicHandler } from "./types.ts";

export const RPC_TOPIC = "rpc";

/** Gets the link for a call: the pool opens one where there is none. */
export interface Links {
  get(address: LinkAddress, options?: GetOptions): Promise<Pick<PeerLink, "request">>;
}

/** Where the other node listens and, where that is known, who it is: nobody else answers for it then. */
export interface LinkTarget extends LinkAddress {
  readonly id?: string | undefined;
}

export function linkTransport(link: Pick<PeerLink, "request">): Transport;
export function linkTransport(links: Links, target: LinkTarget): Transport;
export function linkTransport(source: Pick<PeerLink, "request"> | Links, target?: LinkTarget): Transport {
  if ("request" in source) return Object.assign((call: OutgoingCall) => carry(source, call), { keepsDeadlines: true });
  return async (call) => carry(await source.get(target!, { id: target!.id, signal: call.signal }), call); // with links comes a target
}

async function carry(link: Pick<PeerLink, "request">, call: OutgoingCall): Promise<Reply> {
  const { contract, method, version, input, timeoutMs, signal, traceparent } = call;
  try {
    const payload = { contract, method, version, input };
    return { ok: true, output: await link.request(RPC_TOPIC, payload, { timeoutMs, signal, traceparent }) };
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== "link.deadline_exceeded") throw thrown;
    throw new Failure("rpc.deadline_exceeded", `${contract}.${method}: no answer within ${timeoutMs} ms`);
  }
}

/** Whoever has a link to this node is a node: what it may call, the contract says. */
export function rpcHandler(dispatcher: Dispatcher): TopicHandler {
  return {
    async request(payload, context) {
      const { peer, timeoutMs, traceparent } = context;
      const caller = { name: peer.id, access: "node" } as const;
      const signal = (): AbortSignal => context.signal;
      const reply = await dispatcher.call({ ...readCall(payload), caller, timeoutMs, traceparent, signal });
      if (reply.ok) return reply.output;
      throw reply.failure;
    },
  };
}

function readCall(payload: unknown): { contract: string; method: string; version: number | undefined; input: unknown } {
  const isRecord = typeof payload === "object" && payload !== null;
  const { contract, method, version, input } = (isRecord ? payload : {}) as Partial<
    Record<keyof OutgoingCall, unknown>
  >;
  if (typeof contract !== "string" || typeof method !== "string") {
    throw new Failure("rpc.bad_request", "a call names no contract and method");
  }
  if (version !== undefined && typeof version !== "number") {
    throw new Failure("rpc.bad_request", `version of a call is ${typeof version}; a number is required`);
  }
  return { contract, method, version, input };
}
