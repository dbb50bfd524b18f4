/** Answers the contracts `map` and `lease`. */
import { leaseContract, mapContract } from "../../data/contract/index.ts";
import type { CasReply, LeaseReply, MapReply } from "../../data/words/index.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import { glance, page, propose, read, type ServicePorts } from "./service-ports.ts";
import { toldEntry, toldMapReply } from "./told.ts";
import { watchPage } from "./watch-page.ts";

export function mapService(ports: ServicePorts): Service {
  return implement(mapContract, {
    get: (query, context) =>
      read(
        ports,
        query,
        ({ maps }) => {
          const entry = maps.get(query.map, query.key, query.revision);
          return { ...(entry && { entry: toldEntry(entry) }), revision: query.revision ?? maps.revision };
        },
        context,
      ),
    range: ({ revision: atRevision, ...query }, context) =>
      read(
        ports,
        query,
        ({ maps }) => {
          const { count, entries, next, revision } = maps.range({ ...query, atRevision });
          const counted = count === undefined ? {} : { count };
          return { entries: entries.map(toldEntry), more: next !== undefined, revision, ...counted };
        },
        context,
      ),
    put: async ({ key, lease, map, value, ...marked }, context) =>
      toldMapReply(
        await propose<MapReply>(ports, marked, { type: "map.put", map, key, value, ...given(lease) }, context),
      ),
    delete: async ({ key, map, ...marked }, context) =>
      toldMapReply(await propose<MapReply>(ports, marked, { type: "map.delete", map, key }, context)),
    deleteRange: async ({ end, key, map, ...marked }, context) =>
      toldMapReply(await propose<MapReply>(ports, marked, { type: "map.deleteRange", map, key, end }, context)),
    cas: async ({ expect, key, lease, map, value, ...marked }, context) => {
      const command = { type: "map.cas", map, key, expect, value, ...given(lease) } as const;
      const reply = await propose<CasReply>(ports, marked, command, context);
      if (reply.swapped || reply.current === undefined) return { swapped: reply.swapped, revision: reply.revision };
      return { ...reply, current: toldEntry(reply.current) };
    },
    watch: (query, context) => watchPage(ports, query, context),
    compact: async ({ revision, ...marked }, context) => {
      await propose(ports, marked, { type: "map.compact", revision }, context);
      return glance(ports, marked.group, ({ maps }) => ({ revision: maps.revision }), context);
    },
  });
}

export function leaseService(ports: ServicePorts): Service {
  return implement(leaseContract, {
    grant: ({ ttlMs, ...marked }, context) =>
      propose<LeaseReply>(ports, marked, { type: "lease.grant", ttlMs }, context),
    keep: ({ lease, ...marked }, context) => propose<LeaseReply>(ports, marked, { type: "lease.keep", lease }, context),
    revoke: ({ lease, ...marked }, context) =>
      propose<LeaseReply>(ports, marked, { type: "lease.revoke", lease }, context),
    list: (query, context) =>
      read(
        ports,
        query,
        ({ clockMs, leases }) => {
          const { more, rows } = page(leases.list(query.limit + 1, query.after), query.limit);
          return { leases: rows.map(({ endsMs, ...lease }) => ({ ...lease, leftMs: endsMs - clockMs })), more };
        },
        context,
      ),
  });
}

function given(lease: number | undefined): { readonly lease?: number } {
  return lease === undefined ? {} : { lease };
}
