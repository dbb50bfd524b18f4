/**
 * Many member processes on one machine, left alone: what they say (nothing, if all is well), what memory of its own each
 * takes, and what processor time they use together.
 */
import { pause, systemClock } from "../../../src/base/clock.ts";
import { freePorts } from "../../../test/support/free-port.ts";
import { ProcessTree } from "../common/process-tree.ts";
import { quantile } from "../common/statistics.ts";
import { Fleet, type Make } from "./fleet.ts";

export interface Crowd {
  readonly label: string;
  readonly nodes: number;
  readonly joinMs: number;
  readonly minutes: number;
  /** Said by anybody about anybody after all had joined. */
  readonly suspicions: number;
  readonly deaths: number;
  readonly ownBytes: readonly number[];
  /** Of one core, all processes together. */
  readonly cpuShare: number;
}

/** Starting them all at once would only show how long a machine takes to start that many processes. */
const START_EVERY_MS = 50;

export const CROWD_HEADER = [
  "processes, left alone",
  "joined within",
  "for",
  "suspicions",
  "deaths",
  "own memory p50",
  "max",
  "CPU of one core",
];

export async function measureCrowd(make: Make, nodes: number, minutes: number): Promise<Crowd> {
  const fleet = new Fleet(make);
  try {
    const ports = await freePorts(nodes);
    const names = ports.map((_, at) => `n${at}`);
    const startedMs = systemClock.monotonic();
    for (const [at, name] of names.entries()) {
      fleet.start(name, ports[at]!);
      await pause(systemClock, START_EVERY_MS);
    }
    await fleet.agree(names, "alive");
    const joinMs = systemClock.monotonic() - startedMs;
    const from = fleet.sightings.length;
    const before = usageOf(fleet);
    await pause(systemClock, minutes * 60_000);
    const after = usageOf(fleet);
    await fleet.agree(names, "alive");
    const said = fleet.sightings.slice(from);
    return {
      label: make.label,
      nodes,
      joinMs,
      minutes,
      suspicions: said.filter(({ opinion }) => opinion === "suspect").length,
      deaths: said.filter(({ opinion }) => opinion === "dead").length,
      ownBytes: after.ownBytes,
      cpuShare: (after.cpuSeconds - before.cpuSeconds) / (minutes * 60),
    };
  } finally {
    await fleet.stop();
  }
}

export function crowdRow(crowd: Crowd): readonly string[] {
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    `${crowd.nodes} of ${crowd.label}`,
    `${(crowd.joinMs / 1000).toFixed(1)} s`,
    `${crowd.minutes} min`,
    String(crowd.suspicions),
    String(crowd.deaths),
    mb(quantile(crowd.ownBytes, 0.5)),
    mb(Math.max(...crowd.ownBytes)),
    `${(crowd.cpuShare * 100).toFixed(0)} %`,
  ];
}

/** CPU seconds of all the fleet's processes so far, and each one's own memory. */
function usageOf(fleet: Fleet): { readonly cpuSeconds: number; readonly ownBytes: readonly number[] } {
  const tree = new ProcessTree(process.pid);
  tree.sample();
  const members = fleet.pids.map((pid) => tree.processes.get(pid)!);
  return {
    cpuSeconds: members.reduce((sum, { userSeconds, systemSeconds }) => sum + userSeconds + systemSeconds, 0),
    ownBytes: members.map(({ ownBytes }) => ownBytes),
  };
}
