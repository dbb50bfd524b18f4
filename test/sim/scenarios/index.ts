/** All scenarios, by name: what the command and the tests run. */
import type { AnyScenario } from "../run/index.ts";
import { registerScenario } from "./register.ts";
import { swimScenario } from "./swim.ts";
import { swimQuietScenario } from "./swim-quiet.ts";

export const SCENARIOS: readonly AnyScenario[] = [registerScenario, swimScenario, swimQuietScenario];
