/**
 * Runs the pinned Bun with the given arguments. Plain Node, because Node and npm are all that a fresh machine has; no
 * dependencies, because it tells people when those are missing. It looks where npm puts Bun: in its own package, or, where
 * install scripts are switched off, in the package of the platform. Under `bun run` without Node, that Bun will do.
 * It downloads nothing.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const modules = join(root, "node_modules");

/** Bun is some 100 MB; what npm leaves in its place while install scripts are switched off is a line of text. */
const SMALLEST_BUN_BYTES = 1024 * 1024;

/** As a shell reports a program that was ended by a signal. */
const SIGNAL_EXIT_BASE = 128;

function fail(message) {
  console.error(message);
  process.exit(1);
}

function candidates() {
  const found = [join(modules, "bun", "bin", "bun.exe")];
  const platforms = join(modules, "@oven");
  if (existsSync(platforms)) {
    for (const name of readdirSync(platforms).sort()) found.push(join(platforms, name, "bin", "bun"));
  }
  if (process.versions.bun) found.push(process.execPath);
  return found.filter((path) => existsSync(path) && statSync(path).size > SMALLEST_BUN_BYTES);
}

/** The first candidate that runs here and is the pinned version; of other versions only the Bun we run under. */
function findBun() {
  if (!existsSync(modules)) fail("node_modules is missing: run `npm install` first (or `make install`)");
  const pinned = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).dependencies.bun;
  const tried = [];
  for (const path of candidates()) {
    const { status, stdout, error } = spawnSync(path, ["--version"], { encoding: "utf8" });
    const version = status === 0 ? stdout.trim() : undefined;
    if (version === pinned || (version && path === process.execPath)) return path;
    tried.push(`  ${path}: ${version ?? error?.message ?? `exit code ${status}`}`);
  }
  return fail([`no Bun ${pinned} in node_modules: run \`npm install\` without --omit=optional`, ...tried].join("\n"));
}

const child = spawn(findBun(), process.argv.slice(2), { stdio: "inherit", cwd: process.cwd() });
child.on("error", (error) => fail(`Bun does not start: ${error.message}`));
child.on("exit", (code, signal) => process.exit(code ?? SIGNAL_EXIT_BASE + constants.signals[signal]));

// A terminal sends SIGINT to the child as well; passing it on would be a second one, which means "at once".
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
