/** Programs of the peers that run in Node.js: packages by npm at pinned versions, and the load, all in the benchmark's directory. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Gives the program's path, or why there is none. */
export async function makeNodeProgram(
  place: string,
  packages: readonly string[],
  entry: string,
): Promise<{ readonly program: string } | { readonly why: string }> {
  if (Bun.which("npm") === null || Bun.which("node") === null) return { why: "npm and node are not installed" };
  mkdirSync(place, { recursive: true });
  const words = ["npm", "install", ...packages, "--prefix", place, "--no-audit", "--no-fund", "--ignore-scripts"];
  const install = Bun.spawn([...words, "--loglevel", "error"], { cwd: place, stdout: "ignore", stderr: "pipe" });
  const said = await new Response(install.stderr).text();
  if ((await install.exited) !== 0) return { why: `npm could not install it: ${said.trim().slice(0, 300)}` };
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, entry)],
    target: "node",
    format: "esm",
    outdir: place,
    naming: "program.mjs",
  });
  if (!built.success) return { why: `its program does not build: ${built.logs.join("; ")}` };
  return { program: join(place, "program.mjs") };
}
