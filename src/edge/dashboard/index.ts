/** The dashboard: a page that a node serves, and the form of what it shows. */
export { dashboardPage } from "./serve.ts";
export type {
  CacheView,
  CutList,
  DeadLettersView,
  EventLevel,
  EventView,
  ExitView,
  GroupView,
  InstanceView,
  LetterReason,
  LinkView,
  MissingPart,
  NodeView,
  Overview,
  PipelineView,
  ServiceView,
  StageView,
  TreeView,
} from "./words.ts";
