/** Whether descriptors that can be read serve anybody: a route's services are among them, and their HTTP rules can be followed. */
import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import type { RoutePlan } from "../../edge/gateway/words/index.ts";
import { type DescriptorStore, type GrpcMethod, ruleFaultsOf } from "../../wire/protobuf/index.ts";

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

/** Who comes from grpc-gateway expects such a body to pass as it is. */
export function rawBodies({ id }: RoutePlan, store: DescriptorStore): readonly string[] {
  const found = [...store.methods()].filter(({ input, output, rules }) => {
    const inner = rules.flatMap(({ body, responseBody }) => [fieldType(input, body), fieldType(output, responseBody)]);
    return [input.typeName, output.typeName, ...inner].includes(RAW_BODY);
  });
  if (found.length === 0) return [];
  const shown = found.slice(0, NAMES_SHOWN_MAX).map(({ path }) => path);
  const names = `${shown.join(", ")}${found.length > NAMES_SHOWN_MAX ? ", …" : ""}`;
  return [
    `route ${id}: ${names}: ${RAW_BODY} is a message as any other here; in JSON its data is base64, no body passes as it is`,
  ];
}

const RAW_BODY = "google.api.HttpBody";

function fieldType({ fields }: GrpcMethod["input"], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.message?.typeName;
}

function failure(option: string, message: string, allowed: string): Failure {
  return new Failure("gateway.config.descriptors", `${message}; ${allowed} is required`, { data: { option } });
}
