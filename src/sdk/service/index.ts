/**
 * The SDK of services, under the name `distributed-system/service`. A service module has one default export made by
 * `defineService`. Schemas are zod's, and `z` comes from here: a schema language is better kept by those who have one than
 * made again, and a service needs no node_modules. Pipeline plugins do not load it.
 */
import { z } from "zod";

export { Failure as ServiceError } from "../../base/errors.ts";
export { type AuthOptions, auth } from "./auth.ts";
export { type CacheMiddleware, type CacheOptions, cache, isCache } from "./cache.ts";
export {
  type BareMethod,
  defineService,
  SERVICE_API_VERSION,
  type ServiceClient,
  type ServiceDefinition,
  type ServicePackage,
} from "./define.ts";
export { durationMs } from "./duration.ts";
export { type AnyMethod, type MethodDefinition, type MethodSettings, method } from "./method.ts";
export { type Chain, compose, type Innermost, type Middleware, type MiddlewareCall, type Next } from "./middleware.ts";
export { type RateLimitOptions, rateLimit } from "./rate-limit.ts";
export type {
  BroadcastAnswer,
  CallContext,
  Caller,
  CallOptions,
  Duration,
  Logger,
  RemoteMethod,
  RemoteService,
  RemoteServices,
  ServiceContext,
  ServicePlace,
  UnaryCallOptions,
} from "./types.ts";
export { z };
