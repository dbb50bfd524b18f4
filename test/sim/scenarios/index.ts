/** All scenarios, by name: what the command and the tests run. */
import type { AnyScenario } from "../run/index.ts";
import { partitionScenario } from "./partition-split.ts";
import { registerScenario } from "./register.ts";
import { swimScenario } from "./swim.ts";
import { swimPartitionScenario } from "./swim-partition.ts";
import { swimQuietScenario } from "./swim-quiet.ts";
import { swimScaleScenario } from "./swim-scale.ts";

export const SCENARIOS: readonly AnyScenario[] = [
  registerScenario,
  swimScenario,
  swimPartitionScenario,
  swimQuietScenario,
  swimScaleScenario,
  partitionScenario,
];
