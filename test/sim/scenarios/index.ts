/** All scenarios, by name: what the command and the tests run. */
import type { AnyScenario } from "../run/index.ts";
import { leaseScenario } from "./lease.ts";
import { leaseScalingScenario } from "./lease-scaling.ts";
import { membershipScenario } from "./membership-chaos.ts";
import { partitionCutScenario } from "./partition-cut.ts";
import { partitionOneWayScenario } from "./partition-one-way.ts";
import { partitionScenario } from "./partition-split.ts";
import { raftDamageScenario, raftLeaseScenario, raftMembershipScenario, raftScenario } from "./raft.ts";
import { registerScenario } from "./register.ts";
import { swimScenario } from "./swim.ts";
import { swimLeaveScenario } from "./swim-leave.ts";
import { swimPartitionScenario } from "./swim-partition.ts";
import { swimQuietScenario } from "./swim-quiet.ts";
import { swimScaleScenario } from "./swim-scale.ts";

export const SCENARIOS: readonly AnyScenario[] = [
  registerScenario,
  swimScenario,
  swimLeaveScenario,
  swimPartitionScenario,
  swimQuietScenario,
  swimScaleScenario,
  partitionScenario,
  partitionCutScenario,
  partitionOneWayScenario,
  membershipScenario,
  leaseScenario,
  leaseScalingScenario,
  raftScenario,
  raftLeaseScenario,
  raftMembershipScenario,
  raftDamageScenario,
];
