/** The gateway's core: one exchange from its head to its line in the log. */
export { changedBody } from "./changed-body.ts";
export { brokenOff, refusalOf, replyRefusalOf } from "./failures.ts";
export { type FormerCourse, Gateway } from "./gateway.ts";
export type { CheckedCaller, CoreParts, Doorkeeper, OwnRoutes, RouteGuards } from "./parts.ts";
export type { RouteCounts, RouteRuntime } from "./route-runtime.ts";
export type {
  CoreEvents,
  OpenReply,
  Passage,
  PassageCaller,
  Refusal,
  ReplyGuard,
  Step,
  Went,
} from "./words.ts";
