/** Rules about the shape of files, functions, exports and documents. */
import { partOf } from "./floors.ts";
import { manifest } from "./import-rules.ts";
import type { SourceFile } from "./source-file.ts";
import type { Rule, Tree, Violation } from "./tree.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const README_LINES_MAX = 100;

/** Assembled, so that this file does not hold the words it looks for. */
const UNFINISHED = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);

const EXACT_VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

function shipped(tree: Tree): readonly SourceFile[] {
  return tree.sources.filter(({ path }) => /^(src|plugins|scripts)\//.test(path));
}

function linesOf(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

export const filesAreShort: Rule = (tree) =>
  shipped(tree).flatMap(({ path, text }) => {
    const lines = linesOf(text);
    return lines <= FILE_LINES_MAX ? [] : [{ path, line: 1, message: `${lines} lines, at most ${FILE_LINES_MAX}` }];
  });

export const functionsAreShort: Rule = (tree) =>
  shipped(tree).flatMap(({ path, functions }) =>
    functions
      .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(({ name, line, lines }) => ({
        path,
        line,
        message: `${name} has ${lines} lines, at most ${FUNCTION_LINES_MAX}`,
      })),
  );

export const noDefaultExports: Rule = (tree) =>
  tree.sources
    .filter(({ path }) => path.startsWith("src/"))
    .flatMap(({ path, defaultExports }) => defaultExports.map((line) => ({ path, line, message: "default export" })));

export const noStarExports: Rule = (tree) =>
  tree.sources.flatMap(({ path, starExports }) => starExports.map((line) => ({ path, line, message: "export *" })));

export const noAmbientWorld: Rule = (tree) =>
  tree.sources
    .filter(({ path }) => /^(src|plugins)\//.test(path) && !/^src\/(base|app)\//.test(path))
    .flatMap(({ path, ambient }) =>
      ambient.map(({ name, line }) => ({
        path,
        line,
        message: `${name}: take a Clock or Random of src/base, or the batch's time`,
      })),
    );

export const nothingUnfinished: Rule = (tree) => {
  const texts: [string, string][] = tree.sources.map(({ path, text }) => [path, text]);
  return [...texts, ...tree.texts].flatMap(([path, text]) =>
    text
      .split("\n")
      .flatMap((line, index) => (UNFINISHED.test(line) ? [{ path, line: index + 1, message: line.trim() }] : [])),
  );
};

export const partsHaveReadmes: Rule = (tree) => {
  const parts = new Set(
    tree.sources.filter(({ path }) => /^src\/.+\//.test(path)).map(({ path }) => partOf(path, tree.floors)),
  );
  return [...parts].flatMap((part): Violation[] => {
    const path = `src/${part}/README.md`;
    const text = tree.texts.get(path);
    if (text === undefined) return [{ path, line: 0, message: "is missing" }];
    const lines = linesOf(text);
    return lines <= README_LINES_MAX ? [] : [{ path, line: 1, message: `${lines} lines, at most ${README_LINES_MAX}` }];
  });
};

export const filesSayWhatTheyAre: Rule = (tree) =>
  shipped(tree).flatMap(({ path, text }) =>
    /^(#!.*\n)?\/\*\*/.test(text) ? [] : [{ path, line: 1, message: "opens with no comment that says what it is" }],
  );

export const versionsAreExact: Rule = (tree) => {
  const { dependencies = {}, devDependencies = {} } = manifest(tree);
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !EXACT_VERSION.test(version))
    .map(([name, version]) => ({ path: "package.json", line: 0, message: `${name} ${version} is no exact version` }));
};
