/**
 * `npm test [GROUP…]`: runs the groups' tests, one `bun test` per run, and adds them up. The last line is
 * `N passed, N failed`; the exit code is 0 only when something ran and nothing failed. What the tests start is built first.
 */
import { globSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");

interface Run {
  readonly name: string;
  /** Globs of test files, from the root. */
  readonly files: readonly string[];
  /** A test that takes longer is taken to hang. */
  readonly timeoutMs: number;
  /** Those of these that are another run's. */
  readonly without?: readonly string[];
  /** Whether the tests start the executable or built plugins. */
  readonly needsBuild: boolean;
  /** They leave a core to others: run beside the tests that keep killing real processes. */
  readonly isAside: boolean;
}

const UNIT_TIMEOUT_MS = 30_000;
/** Real processes on a busy machine; the kill tests repeat a run 200 times. */
const INTEGRATION_TIMEOUT_MS = 600_000;

function unit(name: string, ...folders: readonly string[]): Run {
  const files = folders.map((folder) => `test/${folder}/**/*.test.ts`);
  return { name, files, timeoutMs: UNIT_TIMEOUT_MS, needsBuild: false, isAside: true };
}

function integration(...patterns: readonly string[]): Run {
  const files = patterns.map((pattern) => `test/integration/${pattern}.test.ts`);
  return { name: "integration", files, timeoutMs: INTEGRATION_TIMEOUT_MS, needsBuild: true, isAside: false };
}

/** What a node shows and keeps: nodes that wait for requests, masters with their data, and a browser. About half of all the time. */
const FRONT: Run = {
  ...integration(
    ...["api-*", "services-*", "service-*", "token-*", "dashboard*", "cache-*", "trace-*"],
    ...["masters-*", "data-*", "task-*", "http-ends-*"],
  ),
  name: "integration of what nodes serve and keep",
  isAside: true,
};

const GROUPS: Readonly<Record<string, readonly Run[]>> = {
  unit: [unit("unit", "unit")],
  tidy: [unit("tidy", "tidy")],
  integration: [integration("**/*")],
  "memory-pool": [unit("unit", "unit/process/memory"), { ...integration("memory-pool*"), needsBuild: false }],
  ipc: [unit("unit", "unit/process/plugin", "unit/wire"), integration("ipc*")],
  supervisor: [
    unit("unit", "unit/protocol/supervision", "unit/protocol/retry", "unit/process/supervise"),
    integration("supervisor*"),
  ],
  "full-system": [integration("full-system*")],
};

const ALL: readonly Run[] = [
  unit("tidy", "tidy"),
  unit("unit", "unit"),
  unit("simulation", "sim"),
  unit("conformance", "conformance"),
  FRONT,
  { ...integration("**/*"), without: FRONT.files },
];

interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** What `bun test` says at its end. Its JUnit report leaves out files that do not load, this does not. */
export function readSummary(output: string): Count | undefined {
  const plain = Bun.stripANSI(output);
  const ran = [...plain.matchAll(/^Ran (\d+) tests? across \d+ files?\./gm)].at(-1);
  if (ran === undefined) return undefined;
  const block = plain.slice(0, ran.index).split("\n").slice(-8).join("\n");
  const count = (word: string): number => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(block)?.[1] ?? 0);
  const [passed, failed, left] = [count("pass"), count("fail"), count("skip") + count("todo")];
  return passed + failed + left === Number(ran[1]) ? { passed, failed } : undefined;
}

/** `isAside`: what it says is told when it has ended, so that it does not mix with what runs beside it. */
async function execute(run: Run, isAside = false): Promise<Count> {
  const others = new Set(globSync([...(run.without ?? [])], { cwd: ROOT }));
  const files = globSync([...run.files], { cwd: ROOT })
    .filter((file) => !others.has(file))
    .sort();
  if (files.length === 0) return { passed: 0, failed: 0 };
  console.error(`\n── ${run.name}: ${files.length} files`);
  const paths = files.map((path) => `./${path}`);
  const child = Bun.spawn(
    [process.execPath, "test", "--no-orphans", "--isolate", `--timeout=${run.timeoutMs}`, ...paths],
    { cwd: ROOT, stdio: ["ignore", isAside ? "ignore" : "inherit", "pipe"], env: environment() },
  );
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) {
    if (!isAside) process.stderr.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  if (isAside) process.stderr.write(output);
  const exitCode = await child.exited;
  const count = readSummary(output);
  if (count === undefined) console.error(`${run.name}: bun test gave no summary that adds up (exit code ${exitCode})`);
  if (count === undefined || (exitCode !== 0 && count.failed === 0)) return { passed: count?.passed ?? 0, failed: 1 };
  return count;
}

function environment(): Record<string, string | undefined> {
  return process.stderr.isTTY ? { ...process.env, FORCE_COLOR: "1" } : process.env;
}

/** Builds what the tests start; a build that fails counts as one failed test. */
async function build(): Promise<boolean> {
  try {
    const { buildExecutable } = await import("./build/executable.ts");
    const { buildPlugins } = await import("./build/plugins.ts");
    await buildExecutable();
    await buildPlugins("all");
    return true;
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    return false;
  }
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !Object.hasOwn(GROUPS, name));
  if (unknown.length > 0) {
    console.error(`no test group ${unknown.join(", ")}: ${Object.keys(GROUPS).join(", ")}, or nothing for all`);
    return 64;
  }
  const runs = names.length === 0 ? ALL : names.flatMap((name) => GROUPS[name]!);
  const built = runs.some(({ needsBuild }) => needsBuild) && (await build());
  // Real processes wait for each other most of the time: two cores do both.
  const [real, others] = [runs.filter(({ isAside }) => !isAside), runs.filter(({ isAside }) => isAside)];
  const counts = await Promise.all([inTurn(others, built, real.length > 0), inTurn(real, built)]);
  const [passed, failed] = [counts[0].passed + counts[1].passed, counts[0].failed + counts[1].failed];
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

async function inTurn(runs: readonly Run[], built: boolean, isAside = false): Promise<Count> {
  let [passed, failed] = [0, 0];
  for (const run of runs) {
    if (run.needsBuild && !built) {
      console.error(`\n── ${run.name}: not run, for the build failed`);
      failed++;
      continue;
    }
    const count = await execute(run, isAside);
    passed += count.passed;
    failed += count.failed;
  }
  return { passed, failed };
}

if (import.meta.main) {
  process.exit(await main(process.argv.slice(2)));
}
