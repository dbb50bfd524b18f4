/** A route as its line has it, before it is known whether its options go together, and what may be wrong with that. */
import type { RouteMatch, TargetPlan } from "../words/index.ts";
import type { Options } from "./option-reader.ts";
import type { RouteOptionName, RouteOptionValues } from "./route-options.ts";

export interface RouteDraft {
  readonly match: RouteMatch;
  readonly targets: readonly TargetPlan[];
  readonly hasTargetField: boolean;
  readonly values: RouteOptionValues;
  readonly options: Options;
}

export interface RouteConflict {
  readonly key: RouteOptionName | "target";
  readonly message: string;
  readonly allowed: string;
}

export function isGiven({ texts }: Options, key: RouteOptionName): boolean {
  return texts.some((text) => text.key === key);
}
