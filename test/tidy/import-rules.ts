/** Rules about who imports whom. */
import { posix } from "node:path";
import { importFault, partOf } from "./floors.ts";
import type { Import, SourceFile } from "./source-file.ts";
import type { Rule, Tree, Violation } from "./tree.ts";

const BUILT_IN = /^(node|bun):|^bun$/;
/** Bundled as text or data: no source of ours. */
const ASSET = /\.(json|txt|md|html|css|sql|wasm)$/;
const SDK = /^distributed-system(\/(service|testing))?$/;
/** For programs that embed a node, examples and tests among them. */
const NODE_RUNTIME = "distributed-system/node";

/** The file that a relative import names, from the root; undefined for packages. */
function targetOf(file: SourceFile, { specifier }: Import): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : undefined;
}

function inFolder(tree: Tree, folder: string): readonly SourceFile[] {
  return tree.sources.filter(({ path }) => path.startsWith(`${folder}/`));
}

/** One verdict per import of the files in a folder. */
function eachImport(
  tree: Tree,
  folder: string,
  fault: (file: SourceFile, each: Import) => string | undefined,
): Violation[] {
  return inFolder(tree, folder).flatMap((file) =>
    file.imports.flatMap((each) => {
      const message = fault(file, each);
      return message === undefined ? [] : [{ path: file.path, line: each.line, message }];
    }),
  );
}

export const importsGoDown: Rule = (tree) =>
  eachImport(tree, "src", (file, each) => {
    const target = targetOf(file, each);
    if (target === undefined || !target.startsWith("src/")) return undefined;
    return importFault(partOf(file.path, tree.floors), partOf(target, tree.floors), tree.floors);
  });

export const partsHaveOneDoor: Rule = (tree) =>
  eachImport(tree, "src", (file, each) => {
    const target = targetOf(file, each);
    if (target === undefined || !target.startsWith("src/")) return undefined;
    const [from, to] = [partOf(file.path, tree.floors), partOf(target, tree.floors)];
    const door = `src/${to}/index.ts`;
    if (from === to) return target === door ? `imports the door of its own part (${door})` : undefined;
    return target === door || tree.floors.open.has(to) ? undefined : `imports ${target}; the door of ${to} is ${door}`;
  });

export const importedFilesExist: Rule = (tree) => {
  const known = new Set(tree.sources.map(({ path }) => path));
  return ["src", "plugins", "scripts", "test"].flatMap((folder) =>
    eachImport(tree, folder, (file, each) => {
      const target = targetOf(file, each);
      if (target === undefined || !/^(src|plugins|scripts|test)\//.test(target) || ASSET.test(target)) return undefined;
      return known.has(target) ? undefined : `imports ${each.specifier}: there is no file ${target}`;
    }),
  );
};

export const srcStandsAlone: Rule = (tree) =>
  eachImport(tree, "src", (file, each) => {
    const target = targetOf(file, each);
    return target !== undefined && /^(plugins|test|scripts)\//.test(target) ? `src imports ${target}` : undefined;
  });

export const pluginsImportTheSdkOnly: Rule = (tree) => {
  const packages = new Set(Object.keys(manifest(tree).dependencies ?? {}));
  return eachImport(tree, "plugins", (file, each) => {
    const target = targetOf(file, each);
    const own = file.path.split("/").slice(0, 2).join("/");
    if (target !== undefined) {
      const near = target.startsWith(`${own}/`) || target.startsWith("plugins/common/");
      return near ? undefined : `a plugin imports its own files, plugins/common and the sdk, not ${each.specifier}`;
    }
    const known = SDK.test(each.specifier) || BUILT_IN.test(each.specifier) || packages.has(packageOf(each.specifier));
    return known ? undefined : `package ${each.specifier} is not among the dependencies of package.json`;
  });
};

export const packagesAreDeclared: Rule = (tree) => {
  const { dependencies = {}, devDependencies = {} } = manifest(tree);
  const shipped = new Set(Object.keys(dependencies));
  const all = new Set([...shipped, ...Object.keys(devDependencies)]);
  return ["src", "scripts", "test"].flatMap((folder) =>
    eachImport(tree, folder, ({ path }, { specifier }) => {
      const outside = !specifier.startsWith(".") && !BUILT_IN.test(specifier) && !SDK.test(specifier);
      if (!outside || (specifier === NODE_RUNTIME && folder !== "src")) return undefined;
      if ((folder === "src" ? shipped : all).has(packageOf(specifier))) return undefined;
      return path.startsWith("src/")
        ? `src imports ${specifier}, which is no dependency`
        : `${specifier} is not declared`;
    }),
  );
};

/** Depth first; each cycle is reported once, from its first file in the order of paths. */
export const noImportCycles: Rule = (tree) => {
  const files = new Map(tree.sources.map((file) => [file.path, file]));
  const state = new Map<string, "open" | "done">();
  const violations: Violation[] = [];
  const visit = (file: SourceFile, trail: readonly string[]): void => {
    state.set(file.path, "open");
    for (const each of file.imports) {
      const next = files.get(targetOf(file, each) ?? "");
      if (next === undefined) continue;
      const way = [...trail, file.path];
      const cycle = [...way.slice(way.indexOf(next.path)), next.path].join(" → ");
      if (state.get(next.path) === "open")
        violations.push({ path: file.path, line: each.line, message: `cycle ${cycle}` });
      else if (!state.has(next.path)) visit(next, way);
    }
    state.set(file.path, "done");
  };
  for (const file of tree.sources) if (!state.has(file.path)) visit(file, []);
  return violations;
};

/** Parts must not wait for each other either: two arrows that point at one another would be legal imports. */
export const noPartCycles: Rule = ({ floors }) =>
  [...floors.arrows].flatMap(([from, targets]) =>
    targets
      .filter((to) => reaches(to, from, floors.arrows, new Set()))
      .map((to) => ({ path: "src/floors.txt", line: 0, message: `${from} -> ${to} closes a circle of arrows` })),
  );

function reaches(from: string, to: string, arrows: ReadonlyMap<string, readonly string[]>, seen: Set<string>): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return (arrows.get(from) ?? []).some((next) => reaches(next, to, arrows, seen));
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export function manifest(tree: Tree): Manifest {
  return JSON.parse(tree.texts.get("package.json") ?? "{}") as Manifest;
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
