/** The ends of a run: chosen by the pipeline file or by --input and --output, and kept apart from each other. */
import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { Failure } from "../base/errors.ts";
import { seededRandom } from "../base/random.ts";
import { createSink, inferSink } from "../work/pipeline/sink/index.ts";
import { createSource, inferFormat, isFileKind, listFiles } from "../work/pipeline/source/index.ts";
import type { EndChoice, PreparedPipeline } from "./prepare-pipeline.ts";

/** In the state of a pipeline: what a source has acknowledged and is not committed. */
const SPOOL = "spool";

/** `stateDirectory` is the pipeline's own. */
export function openSource(source: EndChoice, pipelinePath: string, startTimeMs: number, stateDirectory: string) {
  return createSource(source.kind, source.params, {
    startTimeMs,
    stdin: Bun.stdin.stream(),
    clock: systemClock,
    directories: inputDirectories(pipelinePath),
    stateDirectory: join(stateDirectory, SPOOL),
    variables: process.env,
  });
}

/** `run` is the same for all that is done to bring one run to its end, restarts included. */
export function openSink(sink: EndChoice, run: string) {
  const random = seededRandom(process.pid);
  return createSink(sink.kind, sink.params, { run, clock: systemClock, random, variables: process.env });
}

/** Starting over empties the outputs: none of them may be an input, the other output or the pipeline file. */
export function refuseSharedFiles(pipelinePath: string, source: EndChoice, sink: EndChoice, deadLetters: string): void {
  const outputs = [
    ...(isFile(sink.params.path) ? [["the sink", resolve(sink.params.path)] as const] : []),
    ["the dead letters", deadLetters] as const,
  ];
  const others = [["the pipeline file", resolve(pipelinePath)] as const, ...inputsOf(source, pipelinePath)];
  for (const [index, [role, path]] of outputs.entries()) {
    const rivals = [...outputs.slice(index + 1), ...others];
    const rival = rivals.find(([, each]) => samePath(each, path));
    if (rival) throw sameFile(path, role, rival[0]);
    if (matchesGlob(source, pipelinePath, path)) throw sameFile(path, role, "what the source takes");
  }
}

function sameFile(path: string, role: string, other: string): Failure {
  return new Failure(
    "pipeline.config.same_file",
    `${path} is ${role} and ${other} at once; each needs a file of its own`,
  );
}

function isFile(path: unknown): path is string {
  return typeof path === "string" && path !== "-";
}

/** The files the source would read now; whether there are any is the source's business. */
function inputsOf(source: EndChoice, pipelinePath: string): (readonly [string, string])[] {
  if (!isFileKind(source.kind) || !isFile(source.params.path)) return [];
  try {
    return listFiles(source.params.path, inputDirectories(pipelinePath)).map(
      ({ path }) => ["the source", path] as const,
    );
  } catch {
    return []; // the source says so itself, with its own words, when it is opened
  }
}

/** An output that is not there yet would be found by the next run, or, in a watched directory, by this one. */
function matchesGlob(source: EndChoice, pipelinePath: string, path: string): boolean {
  const pattern = patternOf(source);
  if (!isFile(pattern) || !/[*?[{]/.test(pattern)) return false;
  return inputDirectories(pipelinePath).some((directory) => new Bun.Glob(resolve(directory, pattern)).match(path));
}

function patternOf({ kind, params }: EndChoice): unknown {
  if (kind === "directory") return join(String(params.path), String(params.pattern));
  return isFileKind(kind) ? params.path : undefined;
}

/** True where every reading cuts the same batches: files, not pipes. */
export function isRepeatable(source: EndChoice, pipelinePath: string): boolean {
  const inputs = inputsOf(source, pipelinePath);
  return inputs.length > 0 && inputs.every(([, path]) => statSync(path).isFile());
}

function inputDirectories(pipelinePath: string): string[] {
  return [process.cwd(), resolve(dirname(pipelinePath))];
}

/** Also under another name: a link of either sort. */
function samePath(left: string, right: string): boolean {
  if (left === right) return true;
  if (!existsSync(left) || !existsSync(right)) return false;
  const [one, other] = [statSync(left), statSync(right)];
  return one.dev === other.dev && one.ino === other.ino;
}

/** `--input` keeps the file's parameters when the format is the same, and takes the format from the ending otherwise. */
export function chooseSource(prepared: PreparedPipeline, input: string | undefined): EndChoice {
  const { source } = prepared;
  if (input === undefined) {
    if (source) return source;
    throw new Failure(
      "pipeline.config.no_source",
      `${prepared.path} names no source: add a source:KIND line or --input FILE`,
    );
  }
  const inferred = input === "-" ? undefined : inferFormat(input);
  if (source && isFileKind(source.kind) && (!inferred || inferred.kind === source.kind || source.kind === "apache")) {
    return { kind: source.kind, params: { ...source.params, path: input } };
  }
  return { kind: inferred?.kind ?? "ndjson", params: { ...inferred?.params, path: input } };
}

export function chooseSink(prepared: PreparedPipeline, output: string | undefined): EndChoice {
  const { sink } = prepared;
  if (output === undefined) {
    if (sink) return sink;
    throw new Failure(
      "pipeline.config.no_sink",
      `${prepared.path} names no sink: add a sink:KIND line or --output FILE`,
    );
  }
  const inferred = output === "-" ? undefined : inferSink(output);
  if (sink && "path" in sink.params && (!inferred || inferred === sink.kind))
    return { kind: sink.kind, params: { ...sink.params, path: output } };
  return { kind: inferred ?? "ndjson", params: { path: output } };
}
