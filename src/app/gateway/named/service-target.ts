/**
 * `service://name.method` as a target: fields of path, query and JSON body become the params of the method; its result is the reply.
 * The file names exactly this method for whoever may pass the route, so the gateway calls it with the scope for it and nothing else;
 * where the route wants a token of the cluster, the caller's own access counts instead.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { pathFields, queryFields, schemaOf } from "../../../edge/admin/index.ts";
import type { NamedContext } from "../../../edge/gateway/upstream/index.ts";
import { headerOf, type RequestHead } from "../../../wire/http/index.ts";
import {
  answerService,
  type Caller,
  problemResponse,
  SERVICE_VALUES_MAX,
  type ServicesPort,
  scanJson,
  TRACEPARENT_HEADER,
  traceparentOf,
} from "../../../wire/rpc/index.ts";
import type { ServiceDoor } from "../../../work/service/words/index.ts";
import { streamFailure } from "./service-failures.ts";

export interface ServiceQuestion {
  readonly service: string;
  readonly method: string;
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly context: NamedContext | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface ServicePorts {
  readonly services: ServiceDoor;
  readonly clock: Clock;
  readonly onBroken: (failure: Failure) => void;
}

/** Fails with what the service fails with. What cannot be asked at all is a reply. */
export function askService({ clock, onBroken, services }: ServicePorts, question: ServiceQuestion): Promise<Response> {
  const { context, head, method, service, signal, timeoutMs } = question;
  const params = paramsOf(services, question);
  if (params instanceof Failure) return Promise.resolve(problemResponse(params));
  const traceparent = traceparentOf(headerOf(head.headers, TRACEPARENT_HEADER));
  const accept = headerOf(head.headers, "accept") ?? "";
  const request = { method: head.method, headers: new Headers({ accept }), signal } as Request; // all that is read of it
  const caller = callerOf(context, service, method);
  const asked = { service, method, timeoutMs, params, traceparent };
  return answerService({ services: quietStreams(services, onBroken), clock }, asked, { request, caller });
}

/** The later ones win. */
function paramsOf(services: ServiceDoor, { body, context, head, method, service }: ServiceQuestion): Buffer | Failure {
  const methods = services.find(service)?.methods ?? {};
  const schema = schemaOf(Object.hasOwn(methods, method) ? methods[method]!.input : undefined);
  const mark = head.target.indexOf("?");
  const query = mark < 0 ? "" : head.target.slice(mark + 1);
  try {
    const fields = {
      ...queryFields(query, schema),
      ...bodyFields(head, body),
      ...pathFields(context?.params ?? {}, schema),
    };
    return Buffer.from(JSON.stringify(fields));
  } catch (thrown) {
    return toFailure(thrown, "rpc.bad_request");
  }
}

/** What breaks a stream is one of its lines; what keeps it from beginning is no stream yet. */
function quietStreams(services: ServiceDoor, onBroken: (failure: Failure) => void): ServicesPort {
  return {
    find: (service) => services.find(service),
    call: (call) => services.call(call),
    async *stream(call) {
      let hasBegun = false;
      try {
        for await (const item of services.stream(call)) {
          hasBegun = true;
          yield item;
        }
      } catch (thrown) {
        const failure = toFailure(thrown, "gateway.defect");
        if (!hasBegun) throw failure;
        onBroken(failure);
        throw streamFailure(failure);
      }
    },
  };
}

function callerOf(context: NamedContext | undefined, service: string, method: string): Caller {
  const { caller } = context ?? {};
  const { access, scopes = [] } = caller?.cluster ?? {};
  if (caller && isAccess(access)) return { name: caller.name, access, scopes };
  return { name: caller?.name ?? "anonymous", access: "none", scopes: [`${bareName(service)}.${method}`] };
}

/** Scopes name services without their version. */
function bareName(service: string): string {
  return service.split("@", 1)[0]!;
}

function isAccess(value: unknown): value is Caller["access"] {
  return value === "none" || value === "read" || value === "operate" || value === "admin" || value === "node";
}

/** An object's fields; no body has none. Fails with `rpc.bad_request`. */
function bodyFields({ headers }: RequestHead, body: Uint8Array): Record<string, unknown> {
  if (body.byteLength === 0) return {};
  const type = headerOf(headers, "content-type") ?? "";
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(type)) {
    throw new Failure("rpc.content_type", `the body is ${JSON.stringify(type)}; application/json is required`);
  }
  if (headerOf(headers, "content-encoding") !== undefined) {
    throw new Failure("rpc.content_type", "the body is compressed; one that is not is required");
  }
  scanJson(body, { valuesMax: SERVICE_VALUES_MAX, what: "the body" });
  const value: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Failure("rpc.bad_request", "the body is no JSON object; one is required");
}
