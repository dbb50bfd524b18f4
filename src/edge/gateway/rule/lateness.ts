/**
 * Whether a host that is late is busy with its rule, or waits for a machine that has no time for it. Its processor time is told in ticks of
 * 10 ms, so that a moment's work can look like a whole tick: what counts is all that it has used since it was first looked at.
 */
import { BUSY_CPU_MS } from "./limits.ts";

export class Lateness {
  #fromCpuMs: number | undefined;

  /** `cpuMs`: of the host until now; undefined where nobody knows. */
  isBusy(cpuMs: number | undefined): boolean {
    if (cpuMs === undefined) return false;
    this.#fromCpuMs ??= cpuMs;
    return cpuMs - this.#fromCpuMs >= BUSY_CPU_MS;
  }
}
