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
  throw new Failure(
    "gateway.convert_unknown_method",
    `converting ${httpMethod} ${path} failed: it names no method; /package.Service/Method or an annotated path is required`,
  );
}

function notAllowed(httpMethod: string, path: string, allow: readonly string[]): Failure {
  return new Failure(
    "gateway.convert_method",
    `converting ${httpMethod} ${path} failed; ${allow.join(" or ")} is required`,
    { data: { allow } },
  );
}
