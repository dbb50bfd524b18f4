/** Answers the contract `lock`. Whoever waits for a lock costs nothing until it may be granted. */
import type { z } from "zod";
import { lockContract } from "../../data/contract/index.ts";
import type { LockReply, SessionMark } from "../../data/words/index.ts";
import { type CallContext, implement, type Service } from "../../wire/rpc/index.ts";
import { glance, page, propose, read, type ServicePorts } from "./service-ports.ts";
import { Wakeup } from "./wakeup.ts";

type Acquire = z.output<(typeof lockContract.methods)["acquire"]["input"]>;

export function lockService(ports: ServicePorts): Service {
  return implement(lockContract, {
    acquire: (request, context) => acquire(ports, request, context),
    keep: ({ holder, lock, token, ...marked }, context) =>
      propose<LockReply>(ports, marked, { type: "lock.keep", lock, holder, token }, context),
    release: ({ holder, lock, token, ...marked }, context) =>
      propose<LockReply>(ports, marked, { type: "lock.release", lock, holder, token }, context),
    show: (query, context) =>
      read(ports, query, ({ clockMs, locks }) => ({ lock: locks.show(query.lock, clockMs) }), context),
    list: (query, context) =>
      read(
        ports,
        query,
        ({ clockMs, locks }) => {
          const { more, rows } = page(locks.list(query.limit + 1, clockMs, query.after), query.limit);
          return { locks: rows, more };
        },
        context,
      ),
  });
}

/**
 * Asks, and while it has to wait looks at the state of this node; when that shows the lock as its own, it asks again, which makes its
 * time whole and tells its token. Only the first time is marked: asking again is asking the same.
 */
async function acquire(ports: ServicePorts, request: Acquire, context: CallContext): Promise<LockReply> {
  const { group, holder, lock, mark, ttlMs, waitMs } = request;
  const deadlineMs = ports.clock.monotonic() + waitMs;
  const command = { type: "lock.acquire", lock, holder, ttlMs, waits: waitMs > 0 } as const;
  const ask = (each?: SessionMark) => propose<LockReply>(ports, { group, mark: each }, command, context);
  if (waitMs === 0) return ask(mark);
  using wakeup = await glance(
    ports,
    group,
    (machine) => new Wakeup((wake) => machine.onChange("lock", lock, wake)),
    context,
  );
  let reply = await ask(mark);
  while (reply.state === "waiting") {
    const leftMs = deadlineMs - ports.clock.monotonic();
    if (leftMs <= 0 || !(await wakeup.next(ports.clock, leftMs, context.signal))) return reply;
    const holds = await glance(ports, group, ({ clockMs, locks }) => locks.show(lock, clockMs)?.holder, context);
    if (holds === holder || holds === undefined) reply = await ask();
  }
  return reply;
}
