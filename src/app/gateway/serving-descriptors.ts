/** Whether descriptors that can be read serve anybody: a route's services are among them, and their HTTP rules can be followed. */
import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import type { RoutePlan } from "../../edge/gateway/words/index.ts";
import { type DescriptorStore, ruleFaultsOf } from "../../wire/protobuf/index.ts";

/** In one sentence. */
const NAMES_SHOWN_MAX = 8;

/** Fails with `gateway.config.descriptors`; `data.option` is the option that is to blame. */
export function requireServing({ options }: RoutePlan, store: DescriptorStore): void {
  const { grpcService, proto } = options.convert;
  const files = proto.join(", ");
  const names = store.services().map(({ typeName }) => typeName);
  if (names.length === 0) {
    throw failure("proto", `${files}: no service is described`, "one service at least");
  }
  if (grpcService !== undefined && !names.includes(grpcService)) {
    const meant = nearMiss(grpcService, names);
    const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
    const shown = names.slice(0, NAMES_SHOWN_MAX).join(", ");
    const allowed = `one of ${shown}${names.length > NAMES_SHOWN_MAX ? ", …" : ""}`;
    throw failure("grpc_service", `${files}: there is no service ${grpcService}${guess}`, allowed);
  }
  const [first, ...others] = ruleFaultsOf(store).unusable;
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  throw failure("proto", `${files}: ${first}${more}`, "a known field");
}

/** Notes: the rules work, and one of them does so for two. */
export function hiddenRules({ id }: RoutePlan, store: DescriptorStore): readonly string[] {
  return ruleFaultsOf(store).hidden.map((sentence) => `route ${id}: ${sentence}`);
}

function failure(option: string, message: string, allowed: string): Failure {
  return new Failure("gateway.config.descriptors", `${message}; ${allowed} is required`, { data: { option } });
}
