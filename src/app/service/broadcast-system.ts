/**
 * The contract `system` asked of every node at once, as broadcasts ask services of users. Of the program's own contracts it is the only one:
 * the other nodes take the question for one of this node, which may everything, so it has to be one that whoever may broadcast may ask.
 */
import { systemClock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { BroadcastAnswer } from "../../process/service/index.ts";
import { linkTransport, type PeerLink } from "../../wire/link/index.ts";
import { type CallContext, Dispatcher, type Reply, type Service, type Transport } from "../../wire/rpc/index.ts";
import { systemContract } from "../system/system-contract.ts";
import { BROADCAST_PARALLEL, CALL_TIMEOUT_MS } from "./limits.ts";

export interface EveryNode {
  /** This node's id. */
  readonly self: string;
  /** The other ones. */
  members(): readonly string[];
  linkTo(node: string): Promise<Pick<PeerLink, "request">>;
  /** The contracts that this node answers. */
  contracts(): readonly Service[];
}

export interface SystemQuestion {
  readonly method: string;
  readonly params?: unknown;
  readonly timeoutMs?: number | undefined;
}

export function isSystem(service: string): boolean {
  return service === systemContract.name;
}

/** This node first; each answers for itself. Fails with `rpc.unknown_method`. */
export async function askSystems(
  { method, params = {}, timeoutMs = CALL_TIMEOUT_MS }: SystemQuestion,
  { caller, signal }: Pick<CallContext, "caller" | "signal">,
  nodes: EveryNode,
): Promise<readonly BroadcastAnswer[]> {
  const { methods, name: contract, version } = systemContract;
  if (!Object.hasOwn(methods, method)) {
    const known = Object.keys(methods).join(", ");
    throw new Failure("rpc.unknown_method", `${contract} has no method ${JSON.stringify(method)}; it has ${known}`);
  }
  const call = { contract, method, version, input: params, timeoutMs, signal };
  const own = new Dispatcher(nodes.contracts(), { clock: systemClock });
  const here = () => own.call({ contract, method, input: params, timeoutMs, caller });
  const ids = [nodes.self, ...nodes.members()];
  const answers: BroadcastAnswer[] = [];
  for (let at = 0; at < ids.length; at += BROADCAST_PARALLEL) {
    const some = ids.slice(at, at + BROADCAST_PARALLEL);
    answers.push(
      ...(await Promise.all(some.map((id) => answerOf(id, id === nodes.self ? here() : there(nodes, id, call))))),
    );
  }
  return answers;
}

async function there(nodes: EveryNode, id: string, call: Parameters<Transport>[0]): Promise<Reply> {
  return await linkTransport(await nodes.linkTo(id))(call);
}

async function answerOf(node: string, reply: Promise<Reply>): Promise<BroadcastAnswer> {
  const told = await reply.catch(
    (thrown: unknown) => ({ ok: false, failure: toFailure(thrown, "rpc.unreachable") }) as const,
  );
  if (told.ok) return { node, ok: true, result: told.output };
  const { code, message } = told.failure;
  return { node, ok: false, error: { code, message } };
}
