/** The HTTP API of a node: routes, calls, endpoints of services, and the description of all that. */
export { type AdminApp, createAdminApp } from "./app.ts";
export type { HttpCounts, RouteCounts } from "./counts.ts";
export { pathFields, queryFields, type Schema, schemaOf } from "./fields.ts";
export type { AdminPorts, CallPort, Paged, Readiness, RequestInfo, Route, Verb } from "./types.ts";
