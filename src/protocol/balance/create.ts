/** A balancer by its name. */
import { Failure } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { ConsistentHash } from "./consistent-hash.ts";
import type { Balancer, BalancerName, CustomSelect } from "./contract.ts";
import { Custom, type CustomFaultListener } from "./custom.ts";
import { LeastConnections } from "./least-connections.ts";
import { LeastLoad } from "./least-load.ts";
import { assertValidBalancer, type BalancerOptions, defaultBalancerOptions } from "./options.ts";
import { PowerOfTwo } from "./power-of-two.ts";
import { ResponseTime } from "./response-time.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

export interface BalancerParts {
  readonly random: Random;
  /** CUSTOM requires it. */
  readonly select?: CustomSelect | undefined;
  /** Hears of each turn in which `select` failed. */
  readonly selectFailed?: CustomFaultListener | undefined;
  readonly options?: BalancerOptions | undefined;
}

/** Throws `balance.invalid_options`, or `balance.custom.no_select` when CUSTOM is given no `select`. */
export function createBalancer(name: BalancerName, parts: BalancerParts): Balancer {
  const { options = {}, random, select, selectFailed = () => {} } = parts;
  assertValidBalancer(options);
  const value = (key: keyof BalancerOptions): number => options[key] ?? defaultBalancerOptions[key];
  switch (name) {
    case "ROUND_ROBIN":
      return new RoundRobin();
    case "WEIGHTED_ROUND_ROBIN":
      return new WeightedRoundRobin();
    case "LEAST_CONNECTIONS":
      return new LeastConnections();
    case "LEAST_LOAD":
      return new LeastLoad({ loadHalfLifeMs: value("loadHalfLifeMs") });
    case "RESPONSE_TIME":
      return new ResponseTime({ decayMs: value("decayMs") });
    case "POWER_OF_TWO":
      return new PowerOfTwo(random);
    case "CONSISTENT_HASH":
      return new ConsistentHash({ loadFactor: value("loadFactor"), loadFloor: value("loadFloor") });
    case "CUSTOM":
      if (select === undefined) {
        throw new Failure(
          "balance.custom.no_select",
          "cannot build the CUSTOM balancer: a select function is required",
        );
      }
      return new Custom(select, selectFailed);
  }
}
