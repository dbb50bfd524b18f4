/** Answers the contract `metrics`. */
import { implement, type Service } from "../../wire/rpc/index.ts";
import { metricsContract } from "./metrics-contract.ts";
import type { Observation } from "./observation.ts";

export function metricsService(observation: Pick<Observation, "told">): Service {
  return implement(metricsContract, { text: ({ format = "prometheus" }) => observation.told(format) });
}
