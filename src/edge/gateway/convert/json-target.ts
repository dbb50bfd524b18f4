/**
 * Which method of gRPC an HTTP request means: by an annotation (of the rewritten path first, then of the path as the client sent it), else by
 * the default mapping `POST /package.Service/Method`, and GET for methods that say to have no side effects.
 */
import { Failure } from "../../../base/errors.ts";
import type { DescriptorStore, GrpcMethod, HttpRule } from "../../../wire/protobuf/index.ts";

export interface JsonTarget {
  readonly method: GrpcMethod;
  /** Undefined: the default mapping. */
  readonly rule: HttpRule | undefined;
  readonly captured: readonly (readonly [field: string, value: string])[];
}

export interface JsonAsked {
  readonly httpMethod: string;
  /** Rewritten, without the query. */
  readonly path: string;
  /** As the client sent it. */
  readonly originalPath: string;
  /** Where paths name only a method: `grpc_service=`. */
  readonly service: string | undefined;
}

/** Fails with `gateway.convert_unknown_method` and `gateway.convert_method` (`data.allow`). */
export function findTarget(store: DescriptorStore, asked: JsonAsked): JsonTarget {
  const { httpMethod, path, originalPath } = asked;
  const annotated = store.http.match(httpMethod, path) ?? store.http.match(httpMethod, originalPath);
  if (annotated !== undefined) return annotated;
  const method =
    store.method(path) ?? (asked.service === undefined ? undefined : store.method(`/${asked.service}${path}`));
  if (method !== undefined) {
    if (httpMethod === "POST" || (httpMethod === "GET" && method.isSafe))
      return { method, rule: undefined, captured: [] };
    throw notAllowed(httpMethod, path, method.isSafe ? ["GET", "POST"] : ["POST"]);
  }
  const allow = [...store.http.allowed(path), ...store.http.allowed(originalPath)];
  if (allow.length > 0) throw notAllowed(httpMethod, path, [...new Set(allow)]);
  throw unknownMethod(httpMethod, path);
}

function unknownMethod(what: string, path: string): Failure {
  return new Failure(
    "gateway.convert_unknown_method",
    `converting ${what} ${path} failed: it names no method; /package.Service/Method or an annotated path is required`,
  );
}

/** Of a socket, which has no method of HTTP but GET: an annotation for GET goes before one for POST. Fails with `gateway.convert_unknown_method`. */
export function findSocketTarget(store: DescriptorStore, asked: Omit<JsonAsked, "httpMethod">): JsonTarget {
  const { originalPath, path, service } = asked;
  const method = store.method(path) ?? (service === undefined ? undefined : store.method(`/${service}${path}`));
  if (method !== undefined) return { method, rule: undefined, captured: [] };
  for (const httpMethod of ["GET", "POST"]) {
    const annotated = store.http.match(httpMethod, path) ?? store.http.match(httpMethod, originalPath);
    if (annotated !== undefined) return annotated;
  }
  throw unknownMethod("a WebSocket for", path);
}

function notAllowed(httpMethod: string, path: string, allow: readonly string[]): Failure {
  return new Failure(
    "gateway.convert_method",
    `converting ${httpMethod} ${path} failed; ${allow.join(" or ")} is required`,
    { data: { allow } },
  );
}
