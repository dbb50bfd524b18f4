/** The pipeline file: parsed, checked, explained and printed, with every fault at its place. */
export {
  type Converted,
  convertParams,
  explainSchema,
  type Fault,
  faultsFailure,
  formatFault,
  formatFaults,
  MAX_FILE_BYTES,
  mergeFaults,
  type ParamsPlace,
  type ParamText,
  type ParamValue,
  type Place,
  pathResolver,
  type ResolvePath,
  showPlace,
} from "../../lines/index.ts";
export { checkPipeline, type PipelineSchemas, placeOf } from "./check.ts";
export { type EngineParams, engineParamNames, engineSchema } from "./engine-params.ts";
export { type ExplainedEnds, explainPipelineFile } from "./explain.ts";
export { FALLBACK_PREFIX, fieldNames, reservedParams, valueFields } from "./fields.ts";
export { formatPipelineFile } from "./format.ts";
export { MAX_LANES, MAX_STAGES } from "./limits.ts";
export { type LoadedPipelineFile, loadPipelineFile } from "./load.ts";
export { type ParsedPipelineFile, parsePipelineFile } from "./parse.ts";
export { type FailoverPolicy, policies, policyNames } from "./policies.ts";
export { type SettingName, type Settings, settingSchema } from "./settings.ts";
export type { End, FallbackSpec, FieldColumns, FieldName, PipelineFile, StageSpec } from "./types.ts";
