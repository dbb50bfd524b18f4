/** SecLang read into typed rules. `loadRules(sources, files)`, in turns, never throws for what a file says: what is not understood is listed. */
export { loadRules } from "./load.ts";
export { compileTarget, parseTemplate } from "./parts.ts";
export type {
  CtlEffect,
  Disruptive,
  Effect,
  EngineMode,
  IdRange,
  MacroPart,
  Marker,
  OperatorUse,
  Phase,
  Rule,
  RuleEntry,
  RuleFiles,
  RuleLink,
  RuleSet,
  RuleSettings,
  RuleSource,
  Selector,
  Target,
  Template,
  Unsupported,
} from "./words.ts";
