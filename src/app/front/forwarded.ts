/**
 * Contracts of masters, answered by every node: what is asked of a node that is none is passed on to one, over links, so that any address
 * of the cluster will do. Who asks was looked at here; the master hears a node. Which of the masters leads is their own business.
 */
import { Failure, toFailure } from "../../base/errors.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type { LinkPool } from "../../wire/link/index.ts";
import type { CallContext, Contract, OutgoingCall, Reply, Service, Transport } from "../../wire/rpc/index.ts";
import { MASTER_ROLE } from "../master/master-duty.ts";
import { transportTo } from "../node/node-data.ts";

export interface MastersPorts {
  readonly membership: Pick<Membership, "members">;
  readonly links: Pick<LinkPool, "byId" | "get">;
}

/** What takes a minute at a master takes it here too; a caller that waits for less gives up before. */
const FORWARD_TIMEOUT_MS = 60_000;
/** It was not sent: another master may be asked, whatever it is. */
const NOT_SENT: ReadonlySet<string> = new Set(["rpc.unreachable", "link.refused", "link.unreachable"]);
/** It may have been heard: only what may be asked twice is asked again. */
const NOT_ANSWERED: ReadonlySet<string> = new Set(["link.closed", "link.silent"]);

/** One way to the masters for every contract of theirs. */
export class Masters {
  readonly #ports: MastersPorts;

  constructor(ports: MastersPorts) {
    this.#ports = ports;
  }

  /** What this node answers in their place; itself, by one of `own`, where there is no master. */
  services(contracts: readonly Contract[], own: readonly Service[] = []): readonly Service[] {
    return contracts.map((contract) => {
      const alone = own.find((each) => each.contract === contract);
      const handlers = Object.keys(contract.methods).map((method) => {
        const handler = (input: unknown, context: CallContext): unknown => {
          const here = alone?.handlers[method];
          return here && this.#ways().length === 0 ? here(input, context) : this.call(contract, method, input, context);
        };
        return [method, handler] as const;
      });
      return { contract, handlers: Object.fromEntries(handlers) };
    });
  }

  /** Of the first master that answers. Fails with `master.none` when there is none, and as what is called. */
  async call(
    { methods, name, version }: Contract,
    method: string,
    input: unknown,
    { signal, traceparent }: Pick<CallContext, "signal" | "traceparent">,
  ): Promise<unknown> {
    const call: OutgoingCall = {
      ...{ contract: name, method, version, input, signal },
      timeoutMs: FORWARD_TIMEOUT_MS,
      traceparent,
    };
    const isRepeatable = methods[method]?.idempotent === true;
    let last: Failure | undefined;
    for (const { transport } of this.#ways()) {
      const reply = await carried(transport, call);
      if (reply.ok) return reply.output;
      last = reply.failure;
      const isForTheNext = NOT_SENT.has(last.code) || (isRepeatable && NOT_ANSWERED.has(last.code));
      if (!isForTheNext || signal.aborted) throw last;
    }
    throw (
      last ??
      new Failure("master.none", `${name}.${method} needs a master; this cluster has none that is alive`, RETRYABLE)
    );
  }

  #ways(): readonly { readonly transport: Transport }[] {
    const { links, membership } = this.#ports;
    const rank = (state: string): number => (state === "alive" ? 0 : 1);
    return membership
      .members()
      .filter(({ meta, state }) => meta.roles.includes(MASTER_ROLE) && (state === "alive" || state === "suspect"))
      .toSorted((left, right) => rank(left.state) - rank(right.state))
      .map((member) => ({ transport: transportTo(member, links) }));
  }
}

const RETRYABLE = { retryable: true };

async function carried(transport: Transport, call: OutgoingCall): Promise<Reply> {
  try {
    return await transport(call);
  } catch (thrown) {
    return { ok: false, failure: toFailure(thrown, "rpc.unreachable") };
  }
}
