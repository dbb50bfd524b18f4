/** The pipeline file: parsed, checked, explained and printed, with every fault at its place. */
export { formatFaults, showPlace } from "./caret.ts";
export { checkPipeline, type PipelineSchemas, placeOf } from "./check.ts";
export { type Converted, convertParams, type ParamsPlace, type ParamValue, type ResolvePath } from "./convert.ts";
export { type EngineParams, engineParamNames, engineSchema } from "./engine-params.ts";
export { type ExplainedEnds, explainPipelineFile, explainSchema } from "./explain.ts";
export { type Fault, faultsFailure, formatFault, mergeFaults, type Place } from "./faults.ts";
export { FALLBACK_PREFIX, fieldNames, reservedParams, valueFields } from "./fields.ts";
export { formatPipelineFile } from "./format.ts";
export { MAX_FILE_BYTES, MAX_LANES, MAX_STAGES } from "./limits.ts";
export { type LoadedPipelineFile, loadPipelineFile, pathResolver } from "./load.ts";
export { type ParsedPipelineFile, parsePipelineFile } from "./parse.ts";
export { type FailoverPolicy, policies, policyNames } from "./policies.ts";
export { type SettingName, type Settings, settingSchema } from "./settings.ts";
export type { End, FallbackSpec, FieldColumns, FieldName, ParamText, PipelineFile, StageSpec } from "./types.ts";
