/** Answers the contract `txn`. This node drives distributed transactions that it is asked for; if it dies, their groups' leaders do. */
import { Failure } from "../../base/errors.ts";
import { txnContract } from "../../data/contract/index.ts";
import { type DistributedView, type DriverPorts, type Part, runDistributed } from "../../data/transaction/index.ts";
import type { DistributedReply, TransactionReply } from "../../data/words/index.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import { page, propose, read, type ServicePorts } from "./service-ports.ts";
import { toldReply } from "./told.ts";

export function txnService(ports: ServicePorts): Service {
  const driver: DriverPorts = {
    propose: (group, command, signal) => propose<DistributedReply>(ports, { group }, command, { signal }),
  };
  return implement(txnContract, {
    run: async ({ group, mark, ...transaction }, context) => {
      const command = { type: "transaction", transaction } as const;
      const reply = await propose<TransactionReply>(ports, { group, mark }, command, context);
      return { ...reply, replies: reply.replies.map(toldReply) };
    },
    distributed: async ({ id, parts, timeoutMs }, { signal }) => {
      requireGroups(ports, parts);
      const plan = { id, timeoutMs, coordinator: parts[0]!.group, parts: byGroup(parts) };
      const { decision, reason, replies, retryable, unfinished } = await runDistributed(plan, driver, signal);
      return {
        state: decision === "commit" ? ("committed" as const) : ("aborted" as const),
        ...(reason !== undefined && { reason }),
        ...(retryable !== undefined && { retryable }),
        replies: Array.from(replies, ([group, each]) => ({ group, replies: each.map(toldReply) })),
        unfinished,
      };
    },
    list: (query, context) =>
      read(
        ports,
        query,
        ({ clockMs, distributed }) => {
          const views = distributed.list(query.limit + 1, clockMs, query.after); // one or both sides of each
          const { more, rows: ids } = page([...new Set(views.map(({ id }) => id))], query.limit);
          return { transactions: views.filter(({ id }) => ids.includes(id)).map(toldView), more };
        },
        context,
      ),
    show: (query, context) =>
      read(
        ports,
        query,
        ({ clockMs, distributed }) => ({ transactions: distributed.show(query.id, clockMs).map(toldView) }),
        context,
      ),
  });
}

function byGroup(parts: readonly (Part & { readonly group: string })[]): ReadonlyMap<string, Part> {
  const found = new Map<string, Part>();
  for (const { group, ...part } of parts) {
    if (found.has(group)) {
      throw new Failure(
        "data.distributed.participants",
        `the group ${group} has two parts; one for each group is required`,
      );
    }
    found.set(group, part);
  }
  return found;
}

/** Before anything is begun: a part that nobody can ever be told of would be under way for ever. */
function requireGroups({ data }: ServicePorts, parts: readonly { readonly group: string }[]): void {
  const known = data.groups();
  const missing = parts.find(({ group }) => !known.includes(group));
  if (!missing) return;
  const message = `there is no group ${JSON.stringify(missing.group)}; there are ${known.join(", ")}`;
  throw new Failure("data.unknown_group", message);
}

function toldView({ leftMs, ...view }: DistributedView) {
  return { ...view, ...(leftMs !== undefined && { leftMs }) };
}
