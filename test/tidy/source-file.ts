/**
 * Source files as the rules see them: imports, functions, exports and uses of the ambient clock, timers and chance, taken
 * from TypeScript's own syntax tree, so that text in strings and comments cannot be mistaken for code.
 */
import * as ast from "typescript/unstable/ast";
import { API } from "typescript/unstable/async";
import { createVirtualFileSystem } from "typescript/unstable/fs";

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

export interface FunctionSize {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

export interface SourceFile {
  /** From the root, such as src/base/clock.ts. */
  readonly path: string;
  readonly text: string;
  /** Static, dynamic, re-exports and import types. */
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSize[];
  readonly defaultExports: readonly number[];
  readonly starExports: readonly number[];
  readonly ambient: readonly { readonly name: string; readonly line: number }[];
}

/** Each of these reads the machine's clock, sets a timer or draws a random number. */
const AMBIENT_MEMBERS = new Set([
  "AbortSignal.timeout",
  "Bun.nanoseconds",
  "Bun.sleep",
  "Bun.sleepSync",
  "Bun.randomUUIDv7",
  "Date.now",
  "Math.random",
  "performance.now",
  "performance.timeOrigin",
  "process.hrtime",
  "process.uptime",
]);
const AMBIENT_NAMES = new Set([
  "setTimeout",
  "setInterval",
  "randomUUID",
  "randomBytes",
  "randomInt",
  "getRandomValues",
]);
const AMBIENT_MODULES = new Set(["timers", "node:timers", "timers/promises", "node:timers/promises"]);

const FOLDER = "/tidy";

/** Parses texts by path. One TypeScript process for all of them. */
export async function parseSources(texts: ReadonlyMap<string, string>): Promise<SourceFile[]> {
  const paths = [...texts.keys()];
  const config = { compilerOptions: { allowJs: true, noLib: true, noResolve: true, types: [] }, files: paths };
  const files = Object.fromEntries([...texts].map(([path, text]) => [`${FOLDER}/${path}`, text]));
  const fs = createVirtualFileSystem({ ...files, [`${FOLDER}/tsconfig.json`]: JSON.stringify(config) });
  const api = new API({ cwd: FOLDER, fs });
  try {
    const snapshot = await api.updateSnapshot({ openProjects: [`${FOLDER}/tsconfig.json`] });
    const program = snapshot.getProjects()[0]!.program;
    const parsed: SourceFile[] = [];
    for (const path of paths) {
      const root = await program.getSourceFile(`${FOLDER}/${path}`);
      if (root === undefined) throw new Error(`TypeScript does not parse ${path}`);
      parsed.push(describe(path, texts.get(path)!, root));
    }
    return parsed;
  } finally {
    await api.close();
  }
}

function describe(path: string, text: string, root: ast.SourceFile): SourceFile {
  const [imports, functions, ambient]: [Import[], FunctionSize[], { name: string; line: number }[]] = [[], [], []];
  const [defaultExports, starExports]: [number[], number[]] = [[], []];
  const lineAt = (position: number): number => root.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: ast.Node): void => {
    const line = lineAt(node.getStart(root));
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push({ specifier, line });
    if (ast.isFunctionLikeDeclaration(node))
      functions.push({ name: nameOf(node, root), line, lines: lineAt(node.end) - line + 1 });
    if (isDefaultExport(node, root)) defaultExports.push(line);
    if (ast.isExportDeclaration(node) && node.moduleSpecifier && !isNamedExports(node)) starExports.push(line);
    const name = ambientName(node, root);
    if (name !== undefined) ambient.push({ name, line });
    node.forEachChild(visit);
  };
  visit(root);
  return { path, text, imports, functions, defaultExports, starExports, ambient };
}

function specifierOf(node: ast.Node): string | undefined {
  if (ast.isImportDeclaration(node) || ast.isExportDeclaration(node)) return literal(node.moduleSpecifier);
  if (ast.isImportTypeNode(node) && ast.isLiteralTypeNode(node.argument)) return literal(node.argument.literal);
  const dynamic = ast.isCallExpression(node) && node.expression.kind === ast.SyntaxKind.ImportKeyword;
  return dynamic ? literal(node.arguments[0]) : undefined;
}

function literal(node: ast.Node | undefined): string | undefined {
  return node && ast.isStringLiteral(node) ? node.text : undefined;
}

function nameOf(node: ast.FunctionLikeDeclaration, root: ast.SourceFile): string {
  if (node.kind === ast.SyntaxKind.Constructor) return "constructor";
  const own = "name" in node ? (node.name as ast.Node | undefined) : undefined;
  const { parent } = node;
  const given = ast.isVariableDeclaration(parent) || ast.isPropertyAssignment(parent) ? parent.name : undefined;
  return (own ?? given)?.getText(root) ?? "(anonymous)";
}

function isDefaultExport(node: ast.Node, root: ast.SourceFile): boolean {
  if (ast.isExportAssignment(node)) return true;
  if (ast.isExportSpecifier(node)) return node.name.getText(root) === "default";
  return node.kind === ast.SyntaxKind.DefaultKeyword && !ast.isDefaultClause(node.parent);
}

/** `export * as name from` is as shapeless as `export *`. */
function isNamedExports(node: ast.ExportDeclaration): boolean {
  return node.exportClause !== undefined && ast.isNamedExports(node.exportClause);
}

function ambientName(node: ast.Node, root: ast.SourceFile): string | undefined {
  if (ast.isNewExpression(node) && node.expression.getText(root) === "Date" && (node.arguments?.length ?? 0) === 0)
    return "new Date()";
  if (ast.isCallExpression(node) && node.expression.getText(root) === "Date") return "Date()";
  if (ast.isImportDeclaration(node) && AMBIENT_MODULES.has(literal(node.moduleSpecifier) ?? ""))
    return literal(node.moduleSpecifier);
  if (ast.isPropertyAccessExpression(node)) {
    const name = node.getText(root).replace(/^globalThis\./, "");
    if (AMBIENT_MEMBERS.has(name)) return name;
  }
  return ast.isIdentifier(node) && AMBIENT_NAMES.has(node.text) && !isDeclaredName(node) ? node.text : undefined;
}

/** A member or parameter of that name is the file's own: only the name's use counts. */
function isDeclaredName(node: ast.Identifier): boolean {
  const { parent } = node;
  if (ast.isPropertyAccessExpression(parent))
    return parent.name === node && !/^(crypto|globalThis|webcrypto)$/.test(parent.expression.getText());
  return (
    ast.isMethodSignatureDeclaration(parent) ||
    ast.isMethodDeclaration(parent) ||
    ast.isPropertyAssignment(parent) ||
    ast.isPropertySignatureDeclaration(parent)
  );
}
