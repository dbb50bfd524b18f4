/** Where services come from and what they get, from words as they are typed to checked values. All faults are told at once. */
import { statSync } from "node:fs";
import { totalmem } from "node:os";
import { resolve } from "node:path";
import { Failure } from "../../base/errors.ts";
import { parseSizeBytes, SIZE_FORM } from "../../base/units.ts";

export interface ServiceSettings {
  /** Absolute; none: this node runs no services of its own, and calls those of others all the same. */
  readonly directories: readonly string[];
  /** Names of the variables that service processes may see besides the few that every process needs. */
  readonly passEnv: readonly string[];
  /** Changed files are swapped without being asked for. */
  readonly watch: boolean;
  /** Own memory of one process: beyond it, it is ended and another one started. */
  readonly memoryBytes?: number | undefined;
}

export interface ServiceWords {
  readonly directories?: readonly string[] | undefined;
  readonly none?: boolean | undefined;
  readonly passEnv?: readonly string[] | undefined;
  readonly watch?: boolean | undefined;
  readonly memory?: string | undefined;
}

/** What is looked into unless told otherwise, where it is there. */
const DEFAULT_DIRECTORY = "services";
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Less, and a process does not even start. */
const MEMORY_BYTES_MIN = 64 * 2 ** 20;
/** Of the machine, for one process that nothing is said of: one that runs away takes neither its node nor its neighbours with it. */
const MEMORY_SHARE = 0.5;
/** More are a mistake of whoever wrote the command. */
const LIST_MAX = 64;

/** Fails with `usage.services`. */
export function readServiceSettings(words: ServiceWords, workDirectory: string): ServiceSettings {
  const { directories = [], memory, none = false, passEnv = [], watch = false } = words;
  const memoryBytes = memory === undefined ? totalmem() * MEMORY_SHARE : (parseSizeBytes(memory) ?? 0);
  const faults = [
    ...(none && directories.length > 0 ? ["--services and --no-services are both given; one of them is required"] : []),
    ...tooMany("--services", directories),
    ...tooMany("--service-env", passEnv),
    ...directories.flatMap((each) => directoryFaults(each, resolve(workDirectory, each))),
    ...memoryFaults(memory, memoryBytes),
    ...passEnv.filter((each) => !VARIABLE.test(each)).map(variableFault),
  ];
  if (faults.length > 0) throw new Failure("usage.services", faults.join("\n"), { data: { faults } });
  const byDefault = resolve(workDirectory, DEFAULT_DIRECTORY);
  const chosen = directories.length > 0 ? directories : isDirectory(byDefault) ? [byDefault] : [];
  return { directories: none ? [] : chosen.map((each) => resolve(workDirectory, each)), passEnv, watch, memoryBytes };
}

function directoryFaults(word: string, path: string): readonly string[] {
  if (word !== "" && isDirectory(path)) return [];
  return [`--services is ${JSON.stringify(word)}; a directory that is there is required`];
}

function memoryFaults(word: string | undefined, bytes: number): readonly string[] {
  if (word === undefined || bytes >= MEMORY_BYTES_MIN) return [];
  return [`--service-memory is ${JSON.stringify(word)}; at least 64MiB are required: ${SIZE_FORM}`];
}

function variableFault(word: string): string {
  return `--service-env is ${JSON.stringify(word.slice(0, 128))}; the name of a variable is required`;
}

function tooMany(flag: string, list: readonly string[]): readonly string[] {
  return list.length > LIST_MAX ? [`${flag} is given ${list.length} times; at most ${LIST_MAX} are allowed`] : [];
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
