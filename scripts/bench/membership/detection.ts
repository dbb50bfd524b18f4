/** How soon a member that is killed is suspected, and known to be dead everywhere; one at a time, each started again. */
import { seededRandom } from "../../../src/base/random.ts";
import { freePorts } from "../../../test/support/free-port.ts";
import { quantile } from "../common/statistics.ts";
import { Fleet, type Make, type Sighting } from "./fleet.ts";

export interface Detection {
  readonly label: string;
  readonly kills: number;
  /** From the kill to the first survivor that suspects it. */
  readonly suspectedMs: readonly number[];
  /** From the kill to each survivor's verdict. */
  readonly deadMs: readonly number[];
  /** Verdicts of death about somebody who lived. */
  readonly falseDeaths: number;
}

export const DETECTION_HEADER = [
  "16 processes, kill -9",
  "kills",
  "first suspicion p50",
  "p99",
  "dead at a survivor p50",
  "p99",
  "max",
  "false deaths",
];

export async function measureDetection(make: Make, nodes: number, kills: number): Promise<Detection> {
  const fleet = new Fleet(make);
  const random = seededRandom(kills);
  const [suspectedMs, deadMs]: [number[], number[]] = [[], []];
  let falseDeaths = 0;
  try {
    const ports = await freePorts(nodes);
    const names = ports.map((_, at) => `n${at}`);
    for (const [at, name] of names.entries()) fleet.start(name, ports[at]!);
    await fleet.agree(names, "alive");
    for (let kill = 0; kill < kills; kill++) {
      const victim = names[random.below(nodes)]!;
      const from = fleet.sightings.length;
      const { atMs, port } = fleet.kill(victim);
      await fleet.agree([victim], "dead");
      const seen = fleet.sightings.slice(from);
      const about = (opinion: Sighting["opinion"]) =>
        seen.filter((each) => each.about === victim && each.opinion === opinion);
      suspectedMs.push(Math.min(...[...about("suspect"), ...about("dead")].map((each) => each.atMs - atMs)));
      deadMs.push(...about("dead").map((each) => each.atMs - atMs));
      falseDeaths += seen.filter((each) => each.about !== victim && each.opinion === "dead").length;
      fleet.start(victim, port);
      await fleet.agree(names, "alive");
    }
  } finally {
    await fleet.stop();
  }
  return { label: make.label, kills, suspectedMs, deadMs, falseDeaths };
}

export function detectionRow({ label, kills, suspectedMs, deadMs, falseDeaths }: Detection): readonly string[] {
  const ms = (value: number): string => `${Math.round(value)} ms`;
  return [
    label,
    String(kills),
    ms(quantile(suspectedMs, 0.5)),
    ms(quantile(suspectedMs, 0.99)),
    ms(quantile(deadMs, 0.5)),
    ms(quantile(deadMs, 0.99)),
    ms(Math.max(...deadMs)),
    String(falseDeaths),
  ];
}
