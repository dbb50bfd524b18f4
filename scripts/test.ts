/**
 * `npm test [GROUP…]`: runs the groups' tests and adds them up. The last line is `N passed, N failed`; the exit code is 0 only when
 * something ran and nothing failed. What the tests start is built first.
 *
 * The files are dealt out to lanes that work at once, a share at a time: real processes wait for each other much of the time, and what only
 * computes fills the gaps. Each share is a `bun test` of its own, told when it has ended, so that lanes do not mix.
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
  /** Whether the tests start the executable or built plugins. */
  readonly needsBuild: boolean;
  readonly kind: Kind;
}

/** `real`: most of it are other processes. `computing`: it keeps a processor busy by itself. */
type Kind = "real" | "computing";

/** What one `bun test` runs. */
interface Share {
  readonly run: Run;
  readonly files: readonly string[];
}

/** On a starved machine: the dearest of them take three seconds on a quiet one. */
const UNIT_TIMEOUT_MS = 120_000;
/** Real processes on a busy machine; the kill tests repeat a run 200 times. */
const INTEGRATION_TIMEOUT_MS = 600_000;

/**
 * What each lane takes, and what it takes when there is no more of that. Three, for two processors: with two a processor idles for a fifth of
 * the time, with four the tests of real processes get in each other's way.
 */
const LANES: readonly (readonly Kind[])[] = [
  ["real", "computing"],
  ["real", "computing"],
  ["computing", "real"],
];

/** Starting a `bun test` costs 20 ms: little for real processes, where a file takes seconds, and much for a file of a unit. */
const SHARE_FILES: Readonly<Record<Kind, number>> = { real: 1, computing: 40 };

/**
 * What takes longest, longest first: it is begun first, so that no lane is left alone with it. A file that is missing here costs some seconds at
 * the end, nothing else.
 */
export const LONGEST: readonly string[] = [
  ...["full-system-chaos", "cluster-pipeline-chaos", "cluster-pipeline-faults", "dashboard-cluster", "dashboard"],
  ...["cluster-pipeline-failover", "task-chaos", "raft-chaos", "full-system-swap", "full-system-resume"],
  ...["gateway-lua", "full-system-reload", "gateway-peers", "masters-killed", "masters-commands", "api-fuzz"],
  ...["full-system-policies", "full-system-breaker", "full-system-misbehaviour", "cluster-pipeline-disk"],
  ...["full-system-fuzz", "gateway-floods", "cluster-tasks", "raft-network"],
].map((name) => `test/integration/${name}.test.ts`);

function unit(name: string, ...folders: readonly string[]): Run {
  const files = folders.map((folder) => `test/${folder}/**/*.test.ts`);
  return { name, files, timeoutMs: UNIT_TIMEOUT_MS, needsBuild: false, kind: "computing" };
}

function integration(...patterns: readonly string[]): Run {
  const files = patterns.map((pattern) => `test/integration/${pattern}.test.ts`);
  return { name: "integration", files, timeoutMs: INTEGRATION_TIMEOUT_MS, needsBuild: true, kind: "real" };
}

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
  unit("simulation", "sim"),
  unit("conformance", "conformance"),
  unit("unit", "unit"),
  integration("**/*"),
];

interface Count {
  readonly passed: number;
  readonly failed: number;
}

interface Outcome extends Count {
  /** Where, and the lines that name the failed tests: among thousands that passed nobody finds them. */
  readonly failures: readonly string[];
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

/** The files of a run, what takes longest first, in shares. */
export function sharesOf(run: Run): readonly Share[] {
  const rank = (file: string): number => (LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length);
  const files = globSync([...run.files], { cwd: ROOT })
    .sort()
    .toSorted((a, b) => rank(a) - rank(b));
  const size = SHARE_FILES[run.kind];
  const count = Math.ceil(files.length / size);
  return Array.from({ length: count }, (_, at) => ({ run, files: files.slice(at * size, (at + 1) * size) }));
}

/** `isAlone`: nothing else is told meanwhile, so that it can be told as it comes. */
async function execute({ files, run }: Share, isAlone: boolean): Promise<Outcome> {
  const paths = files.map((path) => `./${path}`);
  const child = Bun.spawn(
    [process.execPath, "test", "--no-orphans", "--isolate", `--timeout=${run.timeoutMs}`, ...paths],
    { cwd: ROOT, stdio: ["ignore", isAlone ? "inherit" : "ignore", "pipe"], env: environment() },
  );
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) {
    if (isAlone) process.stderr.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  if (!isAlone) process.stderr.write(output);
  const exitCode = await child.exited;
  const count = readSummary(output);
  const where = files.length === 1 ? files[0]! : run.name;
  if (count !== undefined && (exitCode === 0 || count.failed > 0)) {
    return { ...count, failures: failuresIn(output).map((line) => `${where}: ${line}`) };
  }
  const why = count === undefined ? "bun test gave no summary that adds up" : "bun test failed, and no test did";
  return { passed: count?.passed ?? 0, failed: 1, failures: [`${where}: ${why} (exit code ${exitCode})`] };
}

/** Each one once: `bun test` repeats them at its end. */
export function failuresIn(output: string): readonly string[] {
  return [...new Set(Bun.stripANSI(output).match(/^\(fail\) .*$/gm))];
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
  const unbuilt = runs.filter(({ needsBuild }) => needsBuild && !built);
  for (const { name } of unbuilt) console.error(`\n── ${name}: not run, for the build failed`);
  const shares = runs.filter((run) => !unbuilt.includes(run)).flatMap(sharesOf);
  const outcomes = await inLanes(shares);
  for (const line of outcomes.flatMap(({ failures }) => failures)) console.error(line);
  const passed = sum(outcomes.map((each) => each.passed));
  const failed = sum(outcomes.map((each) => each.failed)) + unbuilt.length;
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** All lanes at once, each share by whoever is free. */
async function inLanes(shares: readonly Share[]): Promise<readonly Outcome[]> {
  const left = [...shares];
  const outcomes: Outcome[] = [];
  const lane = async (kinds: readonly Kind[]): Promise<void> => {
    for (let share = takeShare(left, kinds); share; share = takeShare(left, kinds)) {
      outcomes.push(await execute(share, shares.length === 1));
    }
  };
  await Promise.all(LANES.map(lane));
  return outcomes;
}

function takeShare(left: Share[], kinds: readonly Kind[]): Share | undefined {
  const found = kinds.map((kind) => left.findIndex(({ run }) => run.kind === kind)).find((at) => at >= 0);
  return found === undefined ? undefined : left.splice(found, 1)[0];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

if (import.meta.main) {
  process.exit(await main(process.argv.slice(2)));
}
