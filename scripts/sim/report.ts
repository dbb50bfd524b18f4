/** What the simulator says to people: the list of scenarios, a failing seed, the sums of a run. */
import { type AnyScenario, minimize, type Outcome, runSeed } from "../../test/sim/run/index.ts";
import type { SimOptions } from "./options.ts";

export function listLines(scenarios: readonly AnyScenario[]): readonly string[] {
  return scenarios.flatMap(({ name, summary, bugs }) => [
    `${name}: ${summary}`,
    ...Object.entries(bugs).map(([bug, words]) => `  --bug ${bug}: ${words}`),
  ]);
}

export async function failureLines(
  scenario: AnyScenario,
  outcome: Outcome,
  options: SimOptions,
): Promise<readonly string[]> {
  const { seed, failed } = outcome;
  if (failed === undefined) return [];
  const bug = options.bug === undefined ? "" : ` --bug ${options.bug}`;
  const lines = [
    `FAILED ${scenario.name} seed ${seed}: ${failed.kind} at ${(failed.atMs / 1000).toFixed(3)} s: ${failed.message}`,
    `  again: npm run sim -- --scenario ${scenario.name} --seed ${seed}${bug} --verbose`,
  ];
  if (failed.stack !== undefined) lines.push(failed.stack);
  return options.minimize ? [...lines, ...(await shortened(scenario, seed, options.bug))] : lines;
}

async function shortened(scenario: AnyScenario, seed: number, bug: string | undefined): Promise<readonly string[]> {
  const without = await minimize(scenario, { seed, bug });
  const lines: string[] = [];
  const { failed } = await runSeed(scenario, { seed, bug, without, print: (line) => lines.push(line) });
  const planned = lines.filter((line) => line.startsWith("planned"));
  return [`  these faults suffice: ${failed?.kind}: ${failed?.message}`, ...planned.map((line) => `    ${line}`)];
}

export class Summary {
  failures = 0;
  readonly #scenario: AnyScenario;
  #seeds = 0;
  #events = 0;
  #simulatedMs = 0;
  #convergedMsMax = 0;
  readonly #measures = new Map<string, number>();

  constructor(scenario: AnyScenario) {
    this.#scenario = scenario;
  }

  add({ failed, events, simulatedMs, convergedMs, measures }: Outcome): void {
    this.#seeds++;
    this.#events += events;
    this.#simulatedMs += simulatedMs;
    if (failed !== undefined) this.failures++;
    this.#convergedMsMax = Math.max(this.#convergedMsMax, convergedMs ?? 0);
    for (const [name, value] of Object.entries(measures)) {
      this.#measures.set(name, (this.#measures.get(name) ?? 0) + value);
    }
  }

  /** The factor is that of one core, however many others use it. */
  lines(wallMs: number, cpuMs: number): readonly string[] {
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    const lines = [
      `${this.#scenario.name}: ${this.#seeds} seeds, ${this.failures} failed; ${seconds(this.#simulatedMs)} s simulated in ` +
        `${seconds(wallMs)} s, ${Math.round(this.#simulatedMs / cpuMs)} times real time per core, ` +
        `${Math.round(this.#events / cpuMs)} k events/s; slowest convergence ${seconds(this.#convergedMsMax)} s`,
    ];
    if (this.#measures.size > 0) {
      lines.push(
        `  ${[...this.#measures].map(([name, value]) => `${name} ${Math.round(value * 100) / 100}`).join(", ")}`,
      );
    }
    return lines;
  }
}
