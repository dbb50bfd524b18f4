/** What the rules look at: the repository's own files, or a handful of made-up ones with a planted fault. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Floors, parseFloors } from "./floors.ts";
import { parseSources, type SourceFile } from "./source-file.ts";

export interface Tree {
  readonly sources: readonly SourceFile[];
  /** Other texts by path: READMEs, package.json, configuration, scripts. */
  readonly texts: ReadonlyMap<string, string>;
  readonly floors: Floors;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export type Rule = (tree: Tree) => Violation[];

const ROOT = join(import.meta.dir, "..", "..");
const SOURCES = ["src/**/*.{ts,tsx}", "plugins/**/*.ts", "scripts/**/*.{ts,mjs}", "test/**/*.ts"];
const TEXTS = [
  "package.json",
  "README.md",
  "Makefile",
  ".ci/run",
  "src/**/*.{md,txt}",
  "plugins/**/*.md",
  "config/*.txt",
  "scripts/**/*.sh",
];

export async function readTree(): Promise<Tree> {
  const texts = read(TEXTS);
  return { sources: await parseSources(read(SOURCES)), texts, floors: parseFloors(texts.get("src/floors.txt")!) };
}

/** A tree of made-up files; `src/floors.txt` is the real one unless it is given. */
export async function plantedTree(files: Readonly<Record<string, string>>): Promise<Tree> {
  const all = Object.entries(files);
  const isSource = ([path]: [string, string]): boolean => /\.(ts|mjs)$/.test(path);
  const floors = files["src/floors.txt"] ?? readFileSync(join(ROOT, "src", "floors.txt"), "utf8");
  return {
    sources: await parseSources(new Map(all.filter(isSource))),
    texts: new Map(all.filter((entry) => !isSource(entry))),
    floors: parseFloors(floors),
  };
}

function read(patterns: readonly string[]): Map<string, string> {
  const paths = globSync([...patterns], { cwd: ROOT }).filter((path) => !path.includes("node_modules"));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
}
