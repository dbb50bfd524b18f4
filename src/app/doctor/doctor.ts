/**
 * Looks at everything that a pipeline or a node will need from this machine, all at once and within two seconds. Probes read
 * and judges judge, apart from each other; a probe that fails or takes too long is an unknown, never an end of the rest.
 * Nothing is changed: no group made, nothing moved, nothing cleared away; the file that times the disk is removed at once.
 */
import { join } from "node:path";
import { version } from "../../../package.json";
import { type Clock, systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { type Check, type Diagnosis, unknown, type Verdict, worst } from "./check.ts";
import { probeInstances, probeOrphans, probeSegments, probeWorkDirectories } from "./probe-leftovers.ts";
import {
  probeAddressSpace,
  probeCoreDumps,
  probeMemoryLimits,
  probeOpenFiles,
  probeOrphanCare,
  probeProcesses,
} from "./probe-limits.ts";
import { probeClock, probeCores, probeMemory, probeSynchronisation, probeVersions } from "./probe-machine.ts";
import { probeMasters } from "./probe-masters.ts";
import { probeLoopback, probePort } from "./probe-ports.ts";
import { probeDirectory, probeDiskSpace, probeSharedMemory, probeSync } from "./probe-storage.ts";

export interface DoctorReport {
  readonly verdict: Exclude<Verdict, "unknown">;
  readonly dataDir: string;
  readonly checks: readonly Check[];
}

type Probe = () => Diagnosis | Promise<Diagnosis>;

/** People wait for it; the slowest probe, of a slow disk, gives itself 0.8 s. */
const PROBE_MS_MAX = 2_000;

/** Below it each running instance keeps its hosts' working directories. */
const WORK = "work";

/** In the order of the report: what stops everything first, then what costs, then what was left behind. */
function probes(dataDir: string, clock: Clock): readonly (readonly [name: string, probe: Probe])[] {
  return [
    ["versions", () => probeVersions(version)],
    ["memory", probeMemory],
    ["cores", probeCores],
    ["shared memory", probeSharedMemory],
    ["data directory", () => probeDirectory(dataDir)],
    ["disk space", () => probeDiskSpace(dataDir)],
    ["disk sync", () => probeSync(dataDir, clock)],
    ["loopback", probeLoopback],
    ["port 8080", () => probePort(8080, "a master")],
    ["port 8081", () => probePort(8081, "a worker")],
    ["open files", probeOpenFiles],
    ["processes", probeProcesses],
    ["address space", probeAddressSpace],
    ["core dumps", probeCoreDumps],
    ["memory limits", probeMemoryLimits],
    ["orphan care", probeOrphanCare],
    ["clock", () => probeClock(clock)],
    ["time server", probeSynchronisation],
    ["orphans", probeOrphans],
    ["instances", () => probeInstances(dataDir)],
    ["masters", () => probeMasters(dataDir)],
    ["segments", () => probeSegments("/dev/shm")],
    ["work directories", () => probeWorkDirectories(join(dataDir, WORK))],
  ];
}

export async function examine(dataDir: string, clock: Clock = systemClock): Promise<DoctorReport> {
  const checks = await Promise.all(
    probes(dataDir, clock).map(async ([name, probe]) => ({ name, ...(await inTime(probe, clock, PROBE_MS_MAX)) })),
  );
  return { verdict: worst(checks.map(({ verdict }) => verdict)), dataDir, checks };
}

/** The probe's answer, or why there is none. Never rejects. */
export async function inTime(probe: Probe, clock: Clock, limitMs: number): Promise<Diagnosis> {
  const late = Promise.withResolvers<Diagnosis>();
  const timer = clock.after(limitMs, () => late.resolve(unknown(`no answer within ${limitMs} ms`)));
  try {
    return await Promise.race([probe(), late.promise]);
  } catch (thrown) {
    return unknown(messageOf(thrown));
  } finally {
    timer.cancel();
  }
}
