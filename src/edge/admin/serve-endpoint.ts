/** Answers a request to an endpoint of a service: fields of path, query and body become the params of its method. */
import type { Clock } from "../../base/clock.ts";
import { answerService, askedOf, TIMEOUT_MS_DEFAULT } from "../../wire/rpc/index.ts";
import type { ServiceDoor } from "../../work/service/words/index.ts";
import type { MatchedEndpoint } from "./endpoints.ts";
import { pathFields, queryFields, schemaOf } from "./fields.ts";
import { bodyFields, type RouteRequest } from "./serve-route.ts";

export interface EndpointPorts {
  readonly services: ServiceDoor;
  readonly clock: Clock;
}

/** Fails with what the service fails with. Who may call is decided where the service runs. */
export async function serveEndpoint(
  { services, clock }: EndpointPorts,
  { found: { service: name, version, method }, words }: MatchedEndpoint,
  way: Omit<RouteRequest, "words">,
): Promise<Response> {
  const { request, caller, connection, query, onBody } = way;
  const service = `${name}@${version}`;
  const methods = services.find(service)?.methods ?? {};
  const schema = schemaOf(Object.hasOwn(methods, method) ? methods[method]!.input : undefined);
  const { leftMs, traceparent } = askedOf(request, clock, way);
  const fields = queryFields(query, schema);
  const body = await bodyFields(request, clock, onBody);
  const params = Buffer.from(JSON.stringify({ ...fields, ...body, ...pathFields(words, schema) }));
  const timeoutMs = leftMs() ?? TIMEOUT_MS_DEFAULT;
  const question = { service, method, params, timeoutMs, traceparent };
  return answerService({ services, clock, connection }, question, { request, caller });
}
