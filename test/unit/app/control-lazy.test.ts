/** What is loaded when: schemas and contracts must cost nothing where nobody asks a running instance anything. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Workspace } from "../../support/workspace.ts";

const ROOT = join(import.meta.dir, "../../..");

const LISTING = 'process.on("exit", () => console.error(JSON.stringify(Object.keys(require.cache))));';

/** Modules that the program has loaded at its end. */
async function modulesOf(workspace: Workspace, args: readonly string[]): Promise<string[]> {
  const preload = workspace.write("listing.cjs", LISTING);
  const child = Bun.spawn([process.execPath, "--preload", preload, ...args], {
    cwd: ROOT,
    stdout: "ignore",
    stderr: "pipe",
  });
  const words = await child.stderr.text();
  return JSON.parse(words.trimEnd().split("\n").at(-1)!) as string[];
}

function heavy(modules: readonly string[]): string[] {
  expect(modules.length).toBeGreaterThan(0);
  return modules.filter((path) => path.includes("/node_modules/zod/") || path.includes("/src/wire/rpc/"));
}

const SERVE = `
const { serveInstance } = await import("${ROOT}/src/app/control/serve-instance.ts");
const tree = { name: "x", kind: "worker", state: "running", restarts: 0, children: [] };
const info = { version: "0", startedMs: 0, command: "run", pipeline: "/p", dataDir: process.argv[2] };
const server = await serveInstance({ describe: () => tree }, info, { warn: console.log });
if (process.argv[3] === "ask") await (await fetch("http://localhost/rpc", { unix: server.path })).text();
await server.close();
process.exit(0);
`;

describe("loading", () => {
  for (const args of [["--version"], ["--help"], ["ps", "--help"], ["check", "--explain"]]) {
    test(`${args.join(" ")} loads neither schemas nor contracts`, async () => {
      using workspace = new Workspace();
      expect(heavy(await modulesOf(workspace, ["src/main.ts", ...args]))).toEqual([]);
    });
  }
  test("serveInstance() loads schemas and contracts only when the first call comes", async () => {
    using workspace = new Workspace();
    const script = workspace.write("serve.ts", SERVE);
    expect(heavy(await modulesOf(workspace, [script, workspace.at("silent")]))).toEqual([]);
    expect(heavy(await modulesOf(workspace, [script, workspace.at("asked"), "ask"])).length).toBeGreaterThan(10);
  });
});
