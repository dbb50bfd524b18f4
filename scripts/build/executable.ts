/**
 * Builds `bin/distributed_system`: one file with the program, the runtime and its bytecode. Rebuilt only when something
 * that goes into it has changed (a hash of the contents is kept beside it). Built in a folder of its own, run once, then
 * moved: a broken build never takes the place of a working one, and a process that runs the old file keeps it.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");

export interface ExecutableOptions {
  readonly entry: string;
  readonly outfile: string;
  /** Files whose contents decide whether the executable is up to date. */
  readonly sources: readonly string[];
}

/** The product's executable; returns its path. */
export async function buildExecutable(): Promise<string> {
  const outfile = join(ROOT, "bin", "distributed_system");
  const built = await buildIfChanged({ entry: join(ROOT, "src", "main.ts"), outfile, sources: productSources() });
  console.error(built ? "built bin/distributed_system" : "bin/distributed_system is up to date");
  return outfile;
}

/** Whatever can change the executable: the sources, the packages' versions, how it is built. */
function productSources(): string[] {
  const patterns = ["src/**/*", "package.json", "package-lock.json", "tsconfig.json", "scripts/build/executable.ts"];
  return globSync(patterns, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Returns whether anything had to be built. */
export async function buildIfChanged(options: ExecutableOptions): Promise<boolean> {
  const { outfile, sources } = options;
  const stamp = join(dirname(outfile), ".stamp");
  const hash = hashOf(sources);
  if (existsSync(outfile) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return false;
  mkdirSync(dirname(outfile), { recursive: true });
  const workshop = mkdtempSync(join(dirname(outfile), ".build-"));
  try {
    const fresh = join(workshop, basename(outfile));
    await compile(options.entry, fresh);
    smokeRun(fresh);
    rmSync(stamp, { force: true });
    renameSync(fresh, outfile);
    writeFileSync(stamp, hash);
    return true;
  } finally {
    rmSync(workshop, { recursive: true });
  }
}

function hashOf(paths: readonly string[]): string {
  const hash = createHash("sha256").update(Bun.version);
  for (const path of paths) {
    const content = readFileSync(path);
    hash.update(`\n${path} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/**
 * The source map goes into the executable, so that errors show the lines of the sources (0.4 MB, nothing at start).
 * ESM, for bytecode fails on `import.meta` otherwise; splitting, so that a command loads only what it needs.
 */
async function compile(entry: string, outfile: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    format: "esm",
    bytecode: true,
    splitting: true,
    minify: true,
    sourcemap: "linked",
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
    throw: false,
  });
  for (const log of result.logs) console.error(String(log));
  if (!result.success) throw new Error(`build of ${entry} failed`);
}

/** The bundler can report success and leave a file that does not run. */
function smokeRun(path: string): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync([path, "--version"], { timeout: 30_000 });
  if (exitCode === 0 && stdout.toString().trim() !== "") return;
  throw new Error(`the built executable does not run (--version exits ${exitCode}):\n${stdout}${stderr}`);
}

if (import.meta.main) {
  try {
    await buildExecutable();
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    process.exit(1);
  }
}
