/** One page of a watch: what has happened since a revision, or what happens next. Whoever watches asks again where it ended. */

import type { z } from "zod";
import type { mapContract } from "../../data/contract/index.ts";
import type { DataMachine } from "../../data/machine/index.ts";
import type { CallContext } from "../../wire/rpc/index.ts";
import { glance, read, type ServicePorts } from "./service-ports.ts";
import { fitting, toldEvent } from "./told.ts";
import { Wakeup } from "./wakeup.ts";

export type WatchQuery = z.output<(typeof mapContract.methods)["watch"]["input"]>;

export async function watchPage(ports: ServicePorts, query: WatchQuery, context: CallContext) {
  const { from, group, key, limit, map, prefix, waitMs } = query;
  const filter = { map, key, prefix };
  if (from === undefined) {
    const revision = await read(ports, { group, consistency: "linearizable" }, ({ maps }) => maps.revision, context);
    return watchPage(ports, { ...query, from: revision + 1 }, context);
  }
  const deadlineMs = ports.clock.monotonic() + waitMs;
  let next = from;
  const look = () => glance(ports, group, ({ maps }) => maps.events({ ...filter, fromRevision: next, limit }), context);
  const listen = (machine: Pick<DataMachine, "watch">) =>
    new Wakeup((wake) => machine.watch(filter, { events: wake, ended: wake }));
  using wakeup = await glance(ports, group, listen, context);
  for (;;) {
    const { events, nextRevision } = await look();
    const page = fitting(events, nextRevision);
    const told = { events: page.events.map(toldEvent), next: page.next };
    if (events.length > 0) return told;
    next = told.next;
    const leftMs = deadlineMs - ports.clock.monotonic();
    if (leftMs <= 0 || context.signal.aborted || !(await wakeup.next(ports.clock, leftMs, context.signal))) return told;
  }
}
