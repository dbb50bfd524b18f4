/** The methods of services as callers need them: path, types, streams, HTTP rules. */
import {
  type DescExtension,
  type DescMessage,
  type DescMethod,
  type DescService,
  getExtension,
  hasExtension,
  type JsonValue,
  type Message,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";

export interface GrpcMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly service: string;
  readonly name: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly clientStreams: boolean;
  readonly serverStreams: boolean;
  /** `idempotency_level = NO_SIDE_EFFECTS` */
  readonly isSafe: boolean;
  /** That, or `IDEMPOTENT`. */
  readonly isIdempotent: boolean;
  /** Of `google.api.http`, additional bindings included. */
  readonly rules: readonly HttpRule[];
}

export interface HttpRule {
  /** Upper case; `*`: every one. */
  readonly httpMethod: string;
  /** As written: `/v1/{name=shelves/*}:move` */
  readonly template: string;
  /** `*`: the whole message; a field's name; empty: there is no body. */
  readonly body: string;
  /** A field of the reply; empty: the whole message. */
  readonly responseBody: string;
}

const HTTP_OPTION = "google.api.http";
const VERBS = ["get", "put", "post", "delete", "patch"] as const;

export function methodsOf(services: readonly DescService[], registry: Registry): GrpcMethod[] {
  const option = registry.getExtension(HTTP_OPTION);
  return services.flatMap((service) => service.methods.map((method) => methodOf(service, method, option, registry)));
}

function methodOf(
  service: DescService,
  method: DescMethod,
  option: DescExtension | undefined,
  registry: Registry,
): GrpcMethod {
  return {
    path: `/${service.typeName}/${method.name}`,
    service: service.typeName,
    name: method.name,
    input: method.input,
    output: method.output,
    clientStreams: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    serverStreams: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    isSafe: method.idempotency === Level.NO_SIDE_EFFECTS,
    isIdempotent: method.idempotency === Level.NO_SIDE_EFFECTS || method.idempotency === Level.IDEMPOTENT,
    rules: option === undefined ? [] : rulesOf(method, option, registry),
  };
}

function rulesOf(method: DescMethod, option: DescExtension, registry: Registry): HttpRule[] {
  const options = method.proto.options;
  if (options === undefined || option.message === undefined || !hasExtension(options, option)) return [];
  // An extension whose type is a message holds one.
  const rule = toJson(option.message, getExtension(options, option) as Message, { registry });
  return ruleOf(rule);
}

function ruleOf(json: JsonValue): HttpRule[] {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return [];
  const text = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");
  const rest = { body: text(json.body), responseBody: text(json.responseBody) };
  const rules: HttpRule[] = [];
  for (const verb of VERBS) {
    const template = json[verb];
    if (typeof template === "string") rules.push({ httpMethod: verb.toUpperCase(), template, ...rest });
  }
  const custom = json.custom;
  if (typeof custom === "object" && custom !== null && !Array.isArray(custom)) {
    rules.push({ httpMethod: text(custom.kind).toUpperCase(), template: text(custom.path), ...rest });
  }
  const additional = json.additionalBindings;
  return Array.isArray(additional) ? [...rules, ...additional.flatMap(ruleOf)] : rules;
}
