/** Reads a pipeline file from disk, bounded and strictly UTF-8. */
import { loadLinesFile } from "../../lines/index.ts";
import { type ParsedPipelineFile, parsePipelineFile } from "./parse.ts";

export interface LoadedPipelineFile extends ParsedPipelineFile {
  /** For `formatFaults`. */
  readonly text: string;
}

/** Throws a Failure when the file cannot be read as text; faults inside it come back as data. */
export async function loadPipelineFile(path: string): Promise<LoadedPipelineFile> {
  const text = await loadLinesFile(path, "pipeline");
  return { text, ...parsePipelineFile(text, path) };
}
