/** What the machine, its clock and its ports mean for pipelines and nodes. Pure: figures in, words out. */
import { formatBytes, formatDurationMs } from "../../base/units.ts";
import { bad, type Diagnosis, ok, unknown, warn } from "./check.ts";

/** Own memory of a host at work, measured. */
const HOST_BYTES = 32 * 2 ** 20;
/** The daemon and a short pipeline. */
const MEMORY_BYTES_LEAST = 256 * 2 ** 20;
const MEMORY_BYTES_ENOUGH = 2 ** 30;

export interface MemoryFacts {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** Of the control group that this process is in. */
  readonly groupLimitBytes: number | undefined;
}

export function judgeMemory({ availableBytes, groupLimitBytes, totalBytes }: MemoryFacts): Diagnosis {
  const limit = groupLimitBytes ?? Number.POSITIVE_INFINITY;
  const available = Math.min(availableBytes, limit);
  const group = groupLimitBytes === undefined ? "" : `, ${formatBytes(groupLimitBytes)} of it for this control group`;
  const found = `${formatBytes(availableBytes)} of ${formatBytes(totalBytes)} available${group}: room for about ${Math.floor(available / HOST_BYTES)} hosts`;
  if (available >= MEMORY_BYTES_ENOUGH) return ok(found);
  const advice = "give it more memory, or run shorter pipelines with fewer lanes and a smaller setting memory";
  return available < MEMORY_BYTES_LEAST ? bad(found, advice) : warn(found, advice);
}

export interface CoreFacts {
  readonly cores: number;
  /** Cores' worth of time that the control group may take; undefined without such a limit. */
  readonly quota: number | undefined;
}

export function judgeCores({ cores, quota }: CoreFacts): Diagnosis {
  const usable = Math.min(cores, quota ?? cores);
  const found =
    quota === undefined ? `${cores} to run on` : `${cores} to run on, time for ${Number(quota.toFixed(2))} of them`;
  if (usable >= 2) return ok(found);
  return warn(found, "give it two at least: stages work at the same time only where there are cores for them");
}

/** A running clock and a wall clock differ by this much in a quarter of a second only when somebody sets the clock. */
const DRIFT_MS_MAX = 5;
/** This program is younger. */
const YEAR_MIN = 2026;
const YEAR_MAX = 2100;

export interface ClockFacts {
  readonly nowMs: number;
  readonly overMs: number;
  /** How much further the wall clock went than the monotonic one. */
  readonly driftMs: number;
}

export function judgeClock({ driftMs, nowMs, overMs }: ClockFacts): Diagnosis {
  const year = new Date(nowMs).getUTCFullYear();
  const found = `${new Date(nowMs).toISOString()}, ${Math.abs(driftMs).toFixed(2)} ms off the monotonic clock in ${formatDurationMs(overMs)}`;
  const advice = "set the clock (timedatectl set-ntp true, or chronyd -q)";
  if (year < YEAR_MIN || year > YEAR_MAX) {
    return bad(`it says the year ${year}: tokens and certificates will be refused`, advice);
  }
  if (Math.abs(driftMs) > DRIFT_MS_MAX) return warn(`${found}: somebody is setting it`, advice);
  return ok(found);
}

/** Leases and tokens allow for half a second between nodes. */
const ERROR_MS_MAX = 500;

export interface SynchronisationFacts {
  /** The kernel's own word. */
  readonly synchronised: boolean;
  readonly errorMsMax: number;
}

export function judgeSynchronisation(facts: SynchronisationFacts | undefined): Diagnosis {
  if (facts === undefined) return unknown("the kernel does not say whether the clock follows a time server");
  const { errorMsMax, synchronised } = facts;
  const advice = "run a time service (timedatectl set-ntp true, or chrony) before machines work together";
  if (!synchronised) return warn("the clock follows no time server; alone that does no harm", advice);
  const found = `the clock follows a time server, off by ${formatDurationMs(errorMsMax)} at most`;
  return errorMsMax > ERROR_MS_MAX ? warn(found, advice) : ok(found);
}

export interface PortFacts {
  readonly tcp: string | undefined;
  readonly udp: string | undefined;
}

/** Each is undefined when it could be bound, else the reason why not. */
export function judgeLoopback({ tcp, udp }: PortFacts): Diagnosis {
  if (tcp === undefined && udp === undefined) return ok("TCP and UDP ports can be bound on 127.0.0.1");
  const refused = [tcp && `TCP: ${tcp}`, udp && `UDP: ${udp}`].filter(Boolean).join("; ");
  return bad(
    `127.0.0.1 refuses (${refused})`,
    "bring the loopback interface up (ip link set lo up), and look for a sandbox around this program",
  );
}

export function judgePort(port: number, whose: string, { tcp, udp }: PortFacts): Diagnosis {
  if (tcp === undefined && udp === undefined) return ok(`free on 127.0.0.1 for ${whose}`);
  const kinds = [tcp !== undefined && "TCP", udp !== undefined && "UDP"].filter(Boolean).join(" and ");
  const who = `ss -lntup 'sport = :${port}' says who`;
  return warn(
    `taken (${kinds}); ${whose} uses it by default`,
    `start ${whose} with another port, or free this one: ${who}`,
  );
}

/** The runtime needs system calls of Linux 5.1, and is tested from 5.6 on. */
const KERNEL_LEAST = [5, 1] as const;
const KERNEL_TESTED = [5, 6] as const;

export interface VersionFacts {
  readonly program: string;
  readonly runtime: string;
  /** As `linux`, and as uname says it. */
  readonly platform: string;
  readonly release: string;
}

export function judgeVersions({ platform, program, release, runtime }: VersionFacts): Diagnosis {
  const found = `distributed_system ${program}, Bun ${runtime}, ${platform} ${release}`;
  if (platform !== "linux") return warn(found, "run it on Linux: shared memory and limits need it");
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  if (older([major, minor], KERNEL_LEAST)) return bad(found, "Linux 5.6 or newer is required");
  return older([major, minor], KERNEL_TESTED) ? warn(found, "Linux 5.6 or newer is recommended") : ok(found);
}

function older([major, minor]: readonly [number, number], [thanMajor, thanMinor]: readonly [number, number]): boolean {
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
