/** Where services come from and what they get, from words as they are typed to checked values. All faults are told at once. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { Failure } from "../../base/errors.ts";

export interface ServiceSettings {
  /** Absolute; none: this node runs no services of its own, and calls those of others all the same. */
  readonly directories: readonly string[];
  /** Names of the variables that service processes may see besides the few that every process needs. */
  readonly passEnv: readonly string[];
  /** Changed files are swapped without being asked for. */
  readonly watch: boolean;
}

export interface ServiceWords {
  readonly directories?: readonly string[] | undefined;
  readonly none?: boolean | undefined;
  readonly passEnv?: readonly string[] | undefined;
  readonly watch?: boolean | undefined;
}

/** What is looked into unless told otherwise, where it is there. */
const DEFAULT_DIRECTORY = "services";
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** More are a mistake of whoever wrote the command. */
const LIST_MAX = 64;

/** Fails with `usage.services`. */
export function readServiceSettings(words: ServiceWords, workDirectory: string): ServiceSettings {
  const { directories = [], none = false, passEnv = [], watch = false } = words;
  const faults = [
    ...(none && directories.length > 0 ? ["--services and --no-services are both given; one of them is required"] : []),
    ...tooMany("--services", directories),
    ...tooMany("--service-env", passEnv),
    ...directories.flatMap((each) => directoryFaults(each, resolve(workDirectory, each))),
    ...passEnv.filter((each) => !VARIABLE.test(each)).map(variableFault),
  ];
  if (faults.length > 0) throw new Failure("usage.services", faults.join("\n"), { data: { faults } });
  const byDefault = resolve(workDirectory, DEFAULT_DIRECTORY);
  const chosen = directories.length > 0 ? directories : isDirectory(byDefault) ? [byDefault] : [];
  return { directories: none ? [] : chosen.map((each) => resolve(workDirectory, each)), passEnv, watch };
}

function directoryFaults(word: string, path: string): readonly string[] {
  if (word !== "" && isDirectory(path)) return [];
  return [`--services is ${JSON.stringify(word)}; a directory that is there is required`];
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
