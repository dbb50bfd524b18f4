/** Answers the contract `queue`. Whoever waits for a message puts nothing into the log until there is one. */
import type { z } from "zod";
import { queueContract } from "../../data/contract/index.ts";
import type { DequeueReply, EnqueueReply, QueueStats, ReceiptsReply } from "../../data/words/index.ts";
import { type CallContext, implement, type Service } from "../../wire/rpc/index.ts";
import { glance, page, propose, read, type ServicePorts } from "./service-ports.ts";
import { toldMessage } from "./told.ts";
import { Wakeup } from "./wakeup.ts";

type Dequeue = z.output<(typeof queueContract.methods)["dequeue"]["input"]>;

export function queueService(ports: ServicePorts): Service {
  return implement(queueContract, {
    enqueue: ({ dedupeKey, delayMs, group, mark, queue, values }, context) =>
      propose<EnqueueReply>(
        ports,
        { group, mark },
        { type: "queue.enqueue", queue, values, delayMs, dedupeKey },
        context,
      ),
    dequeue: async (request, context) => {
      await untilReady(ports, request, context);
      context.signal.throwIfAborted(); // what is taken for somebody who has gone is hidden for nothing
      const { consumer, count, queue, visibilityMs, ...marked } = request;
      const command = { type: "queue.dequeue", queue, count, visibilityMs, consumer } as const;
      const { messages } = await propose<DequeueReply>(ports, marked, command, context);
      return { messages: messages.map(toldMessage) };
    },
    ack: ({ queue, receipts, ...marked }, context) =>
      propose<ReceiptsReply>(ports, marked, { type: "queue.ack", queue, receipts }, context),
    nack: ({ delayMs, queue, receipts, ...marked }, context) =>
      propose<ReceiptsReply>(ports, marked, { type: "queue.nack", queue, receipts, delayMs }, context),
    extend: ({ queue, receipts, visibilityMs, ...marked }, context) =>
      propose<ReceiptsReply>(ports, marked, { type: "queue.extend", queue, receipts, visibilityMs }, context),
    configure: async ({ queue, settings, ...marked }, context) => ({
      stats: toldStats(await propose<QueueStats>(ports, marked, { type: "queue.configure", queue, settings }, context)),
    }),
    purge: ({ queue, ...marked }, context) =>
      propose<{ removed: number }>(ports, marked, { type: "queue.purge", queue }, context),
    stats: (query, context) => read(ports, query, ({ queues }) => statsOf(queues.stats(query.queue)), context),
    list: (query, context) =>
      read(
        ports,
        query,
        ({ queues }) => {
          const { more, rows } = page(queues.list(query.limit + 1, query.after), query.limit);
          return { queues: rows.map(toldStats), more };
        },
        context,
      ),
    peek: (query, context) =>
      read(
        ports,
        query,
        ({ queues }) => ({ messages: queues.peek(query.queue, query.limit).map(toldMessage) }),
        context,
      ),
  });
}

function statsOf(stats: QueueStats | undefined) {
  return stats ? { stats: toldStats(stats) } : {};
}

type Filled<T> = { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> };

/** Settings that were left out have their defaults here, which their type cannot say. */
function toldStats({ settings, ...stats }: QueueStats) {
  return { ...stats, settings: settings as Filled<typeof settings> };
}

/** Until this node sees a message, or the time is over: then one command says what is there, under its one mark. */
async function untilReady(ports: ServicePorts, { group, queue, waitMs }: Dequeue, context: CallContext): Promise<void> {
  if (waitMs === 0) return;
  const deadlineMs = ports.clock.monotonic() + waitMs;
  using wakeup = await glance(
    ports,
    group,
    (machine) => new Wakeup((wake) => machine.onChange("queue", queue, wake)),
    context,
  );
  for (;;) {
    if ((await glance(ports, group, ({ queues }) => queues.stats(queue)?.ready ?? 0, context)) > 0) return;
    const leftMs = deadlineMs - ports.clock.monotonic();
    if (leftMs <= 0 || !(await wakeup.next(ports.clock, leftMs, context.signal))) return;
  }
}
