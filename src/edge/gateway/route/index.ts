/** Which route takes a request, and what it makes of it: paths made normal, matching, rewriting, explaining. */
export type { CompiledRoute } from "./compiled-route.ts";
export { editReply, editRequest, type RequestFacts } from "./header-edits.ts";
export { hostOf, isOddNumber } from "./host.ts";
export { isPathFault, normalizePath, type PathFault } from "./normalize.ts";
export { type NamedParams, paramsOf, redirectLocation, upstreamOrigin, upstreamTarget } from "./outbound.ts";
export { sameMatchKey } from "./precedence.ts";
export { type ExplainStep, type Explanation, RouteTable, type TriedRequest } from "./table.ts";
export { HEADER_VARIABLES, parseTemplate, type Template, type TemplateFault, type TemplateForm } from "./template.ts";
export type { RouteHit, RouteMiss, RouteOutcome } from "./words.ts";
