/**
 * Which dead-letter files there are: those in the state of pipelines that ran with this data directory, and those that known
 * pipelines name elsewhere. A pipeline whose file nobody knows any more still has its letters; it cannot be run again.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, parse, resolve } from "node:path";
import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import { loadPipelineFile } from "../../work/pipeline/file/index.ts";
import { pipelineDirectory, stateDirectory } from "../self.ts";

/** A pipeline that runs here or has run. */
export interface KnownPipeline {
  /** Of a submission, or the number of a process. */
  readonly id: string;
  /** Of the pipeline file. */
  readonly path: string;
}

export interface LetterPlace {
  /** As people say it: its name; where several have that, the name of its directory. */
  readonly pipeline: string;
  readonly ids: readonly string[];
  readonly path: string | undefined;
  /** Of the letters. */
  readonly file: string;
}

const LETTERS = "dead-letters.ndjson";
/** What `pipelineDirectory` puts behind a name. */
const DIGEST = /-[0-9a-f]{10}$/;

/** Those that have letters; sorted. */
export async function letterPlaces(
  dataDir: string | undefined,
  known: readonly KnownPipeline[],
): Promise<readonly LetterPlace[]> {
  const found = new Map<string, { name: string; directory: string; ids: string[]; path?: string; file: string }>();
  for (const directory of pipelineDirectories(dataDir)) {
    const name = basename(directory).replace(DIGEST, "");
    const file = join(directory, LETTERS);
    found.set(file, { name, directory: basename(directory), ids: [], file });
  }
  for (const { id, path } of known) {
    const directory = pipelineDirectory(dataDir, path);
    const file = await lettersOf(path, directory);
    const before = found.get(file)?.ids ?? [];
    const name = parse(path).name;
    found.set(file, { name, directory: basename(directory), ids: [...before, id], path: resolve(path), file });
  }
  const there = [...found.values()].filter(({ file }) => sizeOf(file) > 0);
  const named = Map.groupBy(there, ({ name }) => name);
  return there
    .map(({ directory, file, ids, name, path }) => {
      return { pipeline: named.get(name)!.length > 1 ? directory : name, ids, path, file };
    })
    .sort((one, other) => (one.pipeline < other.pipeline ? -1 : 1));
}

/** By what it is called, by an id or by its path. Fails with `dead_letter.pipeline_not_found`. */
export function findPlace(places: readonly LetterPlace[], which: string): LetterPlace {
  const found =
    places.find(({ pipeline }) => pipeline === which) ??
    places.find(({ ids }) => ids.includes(which)) ??
    places.find(({ path }) => path !== undefined && path === resolve(which));
  if (found) return found;
  const names = places.map(({ pipeline }) => pipeline);
  const near = nearMiss(which, names);
  const hint = near === undefined ? `there are ${names.slice(0, 20).join(", ") || "none"}` : `did you mean ${near}?`;
  const message = `no pipeline ${JSON.stringify(which)} has dead letters on this node; ${hint}`;
  throw new Failure("dead_letter.pipeline_not_found", message);
}

function pipelineDirectories(dataDir: string | undefined): string[] {
  const above = join(stateDirectory(dataDir), "pipelines");
  if (!existsSync(above)) return [];
  return readdirSync(above, { withFileTypes: true })
    .filter((each) => each.isDirectory())
    .map(({ name }) => join(above, name));
}

/** Where its file says, else in its state; a file that cannot be read any more says nothing. */
async function lettersOf(path: string, directory: string): Promise<string> {
  const usual = join(directory, LETTERS);
  try {
    const { file } = await loadPipelineFile(path);
    return file.settings.dead_letters === undefined ? usual : resolve(file.settings.dead_letters);
  } catch {
    return usual; // what is wrong with the file is told to whoever runs it
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
