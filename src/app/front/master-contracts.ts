/** The contracts that masters answer, for nodes that pass them on. */
import {
  counterContract,
  leaseContract,
  lockContract,
  mapContract,
  queueContract,
  raftContract,
  txnContract,
} from "../../data/contract/index.ts";
import type { Contract } from "../../wire/rpc/index.ts";
import { deadLettersContract } from "../dead-letter/dead-letter-contract.ts";
import { pipelinesContract } from "../master/pipelines-contract.ts";
import { tasksContract } from "../master/tasks/tasks-contract.ts";
import { reportsContract } from "../report/reports-contract.ts";

export const MASTER_CONTRACTS: readonly Contract[] = [
  pipelinesContract,
  tasksContract,
  reportsContract,
  deadLettersContract,
  mapContract,
  leaseContract,
  lockContract,
  queueContract,
  counterContract,
  txnContract,
  raftContract,
];
