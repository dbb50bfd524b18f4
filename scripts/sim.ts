/**
 * The simulator's command: runs seeds of scenarios in a virtual world and says which ones fail, with the command that shows
 * one again. Exit code 0: nothing failed, or the planted bug was found; 1: the opposite. `--help` says what it takes.
 */
import { type Outcome, runSeed } from "../test/sim/run/index.ts";
import type { AnyScenario } from "../test/sim/run/scenario.ts";
import { SCENARIOS } from "../test/sim/scenarios/index.ts";
import { parseOptions, type SimOptions, USAGE } from "./sim/options.ts";
import { failureLines, listLines, Summary } from "./sim/report.ts";
import { runInWorkers, type Spent } from "./sim/workers.ts";

/** Failing seeds that are shown in full; more of them say the same. */
const SHOWN_MAX = 5;

async function main(options: SimOptions): Promise<number> {
  if (options.list) {
    for (const line of listLines(SCENARIOS)) console.log(line);
    return 0;
  }
  if (options.isWorker) return work(chosen(options)[0]!, options);
  let worst = 0;
  for (const scenario of chosen(options)) worst = Math.max(worst, await simulate(scenario, options));
  return worst;
}

function chosen({ scenario, bug }: SimOptions): readonly AnyScenario[] {
  const found = SCENARIOS.filter(({ name }) => scenario === undefined || name === scenario);
  if (found.length === 0) throw new Error(`no scenario ${scenario}: ${SCENARIOS.map(({ name }) => name).join(", ")}`);
  const having = found.filter(({ bugs }) => bug === undefined || Object.hasOwn(bugs, bug));
  if (having.length > 0) return having;
  throw new Error(
    `no bug ${bug} in ${found.map(({ name, bugs }) => `${name}: ${Object.keys(bugs).join(", ")}`).join("; ")}`,
  );
}

async function simulate(scenario: AnyScenario, options: SimOptions): Promise<number> {
  const seeds = options.isSingle ? 1 : Math.min(options.seeds, scenario.seedsMax ?? options.seeds);
  const summary = new Summary(scenario);
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  const spent = { cpuMs: 0 };
  let shown = 0;
  for await (const outcome of outcomes(scenario, { ...options, seeds }, spent)) {
    summary.add(outcome);
    for (const line of outcome.report) console.log(line);
    if (outcome.failed === undefined || shown++ >= SHOWN_MAX) continue;
    for (const line of await failureLines(scenario, outcome, options)) console.log(line);
    if (options.bug !== undefined) break;
  }
  const { system, user } = process.cpuUsage(startCpu);
  spent.cpuMs += (system + user) / 1000;
  for (const line of summary.lines(performance.now() - startMs, spent.cpuMs)) console.log(line);
  if (options.bug === undefined) return summary.failures === 0 ? 0 : 1;
  if (summary.failures === 0) console.log(`${scenario.name}: the planted bug ${options.bug} was not found`);
  return summary.failures === 0 ? 1 : 0;
}

async function* outcomes(scenario: AnyScenario, options: SimOptions, spent: Spent): AsyncGenerator<Outcome> {
  if (options.jobs > 1 && options.seeds > 1) return yield* runInWorkers(scenario.name, options, spent);
  const print = options.verbose ? (line: string): void => console.log(line) : undefined;
  for (let seed = options.from; seed < options.from + options.seeds; seed++) {
    yield await runSeed(scenario, { seed, bug: options.bug, print });
  }
}

/** One line for each seed to the one who started it. */
async function work(scenario: AnyScenario, options: SimOptions): Promise<number> {
  for (let seed = options.from; seed < options.from + options.seeds; seed++) {
    console.log(JSON.stringify(await runSeed(scenario, { seed, bug: options.bug })));
  }
  return 0;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
