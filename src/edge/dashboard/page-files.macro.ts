/**
 * The page as the browser gets it: bundled, minified, its files named by what they hold. Runs while the executable is built (a bundler
 * macro), so that the texts are inside it; from source it runs when the first request comes.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ENTRY = join(import.meta.dir, "page", "index.html");
/** Below it the page finds its own files. */
const PUBLIC_PATH = "/dashboard/";

/** File name → its text. */
export function pageFiles(): Record<string, string> {
  const directory = mkdtempSync(join(tmpdir(), "distributed-system-page-"));
  try {
    bundle(directory);
    const names = readdirSync(directory).sort();
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), "utf8")]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** In a process of its own: a bundler inside the bundler waits for itself. */
function bundle(directory: string): void {
  const options = ["--target=browser", "--minify", `--public-path=${PUBLIC_PATH}`, `--outdir=${directory}`];
  const built = Bun.spawnSync([process.execPath, "build", ENTRY, ...options], {
    env: { ...process.env, BUN_BE_BUN: "1", NODE_ENV: "production" },
  });
  if (built.exitCode !== 0) throw new Error(`cannot bundle the dashboard: ${built.stderr.toString()}`);
}
