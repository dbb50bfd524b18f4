/** One page of a watch: what has happened since a revision, or what happens next. Whoever watches asks again where it ended. */
import type { InputOf } from "../../wire/rpc/index.ts";
import type { CallContext } from "../../wire/rpc/index.ts";
import type { z } from "zod";
import type { mapContract } from "../../data/contract/index.ts";
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
  const look = () =>
    glance(ports, group, ({ maps }) => maps.events({ ...filter, fromRevision: from, limit }), context);
  const listen = (machine: Parameters<Parameters<typeof glance>[2]>[0]) =>
    new Wakeup((wake) => machine.onChange("map", map, wake));
  using wakeup = await glance(ports, group, listen, context);
  for (;;) {
    const { events, nextRevision } = await look();
    const page = fitting(events, nextRevision);
    const told = { events: page.events.map(toldEvent), next: page.next };
    if (events.length > 0) return told;
    const leftMs = deadlineMs - ports.clock.monotonic();
    if (leftMs <= 0 || context.signal.aborted || !(await wakeup.next(ports.clock, leftMs, context.signal))) return told;
  }
}
