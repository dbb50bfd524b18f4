/** All services of the replicated data, over one port. */
import type { Service } from "../../wire/rpc/index.ts";
import { counterService } from "./counter-service.ts";
import { lockService } from "./lock-service.ts";
import { leaseService, mapService } from "./map-service.ts";
import { queueService } from "./queue-service.ts";
import { raftService } from "./raft-service.ts";
import type { ServicePorts } from "./service-ports.ts";
import { txnService } from "./txn-service.ts";

export function dataServices(ports: ServicePorts): Service[] {
  return [
    mapService(ports),
    leaseService(ports),
    lockService(ports),
    queueService(ports),
    counterService(ports),
    txnService(ports),
    raftService(ports),
  ];
}
