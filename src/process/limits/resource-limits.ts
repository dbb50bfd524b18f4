/**
 * Limits that the kernel itself keeps, set by a shell that then becomes the host: before its first instruction, without
 * native code of ours, for a quarter of a millisecond. They stop what is too fast for a look every now and then. Refused
 * ones are left out: the watch from outside sees to all of them.
 *
 * Set from outside on a running host (prlimit) they would come too late: the runtime reserves gigabytes of address space at
 * its start, and dies at random when the limit on them changes under its feet.
 */
import { existsSync } from "node:fs";
import { cpuSeconds, type HostLimits } from "./host-limits.ts";

export const SHELL = "/bin/sh";

const MIB = 2 ** 20;
/**
 * What the runtime reserves without using it, measured as the difference between the limit and the memory in use at the
 * moment of death: a limit on reserved memory has to leave this room, or it would strike below the limit on memory in use.
 */
const RESERVED_FACTOR = 2;
const RESERVED_BYTES = 256 * MIB;
/** Above this the runtime finds room for its 6 GiB of reserved addresses, all of which count: then it says nothing. */
const RESERVED_BYTES_MAX = 4_096 * MIB;
/** Between the limit at which the watch kills, with a reason, and the one at which the kernel refuses to open. */
const FILES_SPARE = 16;

/** What RLIMIT_DATA has to be for a limit on own memory, or undefined when it is no help. */
export function dataLimitBytes(memoryBytes: number): number | undefined {
  const bytes = RESERVED_FACTOR * memoryBytes + RESERVED_BYTES;
  return bytes <= RESERVED_BYTES_MAX ? bytes : undefined;
}

export function hasShell(): boolean {
  return existsSync(SHELL);
}

/** The command line that sets the limits and then runs `argv` in the same process; `argv` itself when there are none. */
export function withResourceLimits(argv: readonly string[], limits: HostLimits, memoryToo: boolean): readonly string[] {
  const settings = ulimits(limits, memoryToo).map((each) => `ulimit ${each} 2>/dev/null`);
  return settings.length === 0
    ? argv
    : [SHELL, "-c", `${settings.join("; ")}; unset PWD OLDPWD SHLVL; exec "$0" "$@"`, ...argv];
}

function ulimits({ cpuMs, files, memoryBytes }: HostLimits, memoryToo: boolean): string[] {
  const settings: string[] = [];
  const dataBytes = memoryToo && memoryBytes !== undefined ? dataLimitBytes(memoryBytes) : undefined;
  if (dataBytes !== undefined) settings.push(`-d ${Math.ceil(dataBytes / 1024)}`);
  // SIGXCPU at the soft limit names the cause; SIGKILL a second later ends whoever does not listen.
  if (cpuMs !== undefined) settings.push(`-S -t ${cpuSeconds(cpuMs)}`, `-H -t ${cpuSeconds(cpuMs) + 1}`);
  if (files !== undefined) settings.push(`-n ${files + FILES_SPARE}`);
  return settings;
}
