/** What `check` answers with: plain data and text, nothing printed. */
import { existsSync } from "node:fs";
import { Failure } from "../base/errors.ts";
import { explainPipelineFile, type Fault, formatFaults } from "../work/pipeline/file/index.ts";
import { sinkSchemas } from "../work/pipeline/sink/index.ts";
import { sourceSchemas } from "../work/pipeline/source/index.ts";
import { type PreparedPipeline, preparePipeline } from "./prepare-pipeline.ts";

export interface CheckReport {
  readonly faults: readonly Fault[];
  /** For people: the faults with their lines and carets, or what was found to be right. */
  readonly text: string;
  readonly summary: { readonly stages: readonly string[] };
}

export async function checkFile(path: string): Promise<CheckReport> {
  const prepared = await preparePipeline(path);
  const { faults, file } = prepared;
  const stages = file.stages.filter(({ enabled }) => enabled).map(({ name }) => name);
  return {
    faults,
    text: faults.length > 0 ? faultsText(prepared) : `${path}: right, ${stages.length} stages: ${stages.join(" → ")}`,
    summary: { stages },
  };
}

/** The prepared pipeline, or a Failure that shows every fault. */
export async function prepareOrRefuse(path: string): Promise<PreparedPipeline> {
  if (!existsSync(path))
    throw new Failure("pipeline.file.not_found", `${path} does not exist; a pipeline file is required`);
  return faultless(await preparePipeline(path));
}

/** Fails with its faults. */
function faultless(prepared: PreparedPipeline): PreparedPipeline {
  if (prepared.faults.length > 0) throw new Failure("pipeline.config.faults", faultsText(prepared));
  return prepared;
}

export function explainAll(): string {
  return explainPipelineFile({ sources: sourceSchemas, sinks: sinkSchemas });
}

/** Every fault with its line and a caret. */
export function faultsText({ faults, text }: PreparedPipeline): string {
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  return `${formatFaults(faults, text)}\n${count}`;
}
