/**
 * The plugin SDK: everything a plugin may import, under the name `distributed-system`. A plugin module has one default
 * export made by `definePlugin`. The executable provides this module at run time; no node_modules is needed.
 */

export type {
  BalancerDefinition,
  BalancerPlugin,
  Select,
  SelectCandidate,
  SelectRequest,
} from "./balancer.ts";
export { defineBalancer } from "./balancer.ts";
export type { Batch, Column, ColumnType, ColumnValues, Row, StringData, Value } from "./batch.ts";
export type { ParamKind, ParamSchema, ParamSpec, ParamValues } from "./param.ts";
export { param } from "./param.ts";
export type {
  ParamFault,
  PluginContext,
  PluginDefinition,
  PluginInfo,
  PluginLogger,
  PluginPackage,
  Snapshot,
} from "./plugin.ts";
export { definePlugin, PLUGIN_API_VERSION } from "./plugin.ts";
export type { RouteDecision, RouteDefinition, RoutePlugin, RouteRequest } from "./route.ts";
export { defineRoute, ROUTE_API_VERSION } from "./route.ts";
export type {
  HttpTaskDefinition,
  PipelineTaskDefinition,
  PluginTaskDefinition,
  TaskDefinition,
  TaskGraphDefinition,
  TaskNeed,
  TaskRetry,
} from "./task.ts";
export { defineTaskGraph } from "./task.ts";
