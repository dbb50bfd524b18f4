/** Failure-percentage ejection as A50 tells it, dumb: it must be ticked at each interval, and looks at everybody each time. */
import type { OutlierOptions } from "../../../../src/protocol/balance/index.ts";

interface ModelHost {
  successes: number;
  failures: number;
  multiplier: number;
  ejectedAtMs: number | null;
}

export class ModelDetector {
  readonly hosts: Record<string, ModelHost> = {};
  readonly #options: Required<OutlierOptions>;

  constructor(options: Required<OutlierOptions>) {
    this.#options = options;
  }

  see(id: string): void {
    this.hosts[id] ??= { successes: 0, failures: 0, multiplier: 0, ejectedAtMs: null };
  }

  ended(id: string, ok: boolean): void {
    const host = this.hosts[id];
    if (!host || host.ejectedAtMs !== null) return;
    host[ok ? "successes" : "failures"]++;
  }

  ejected(): readonly string[] {
    return Object.keys(this.hosts).filter((id) => this.hosts[id]!.ejectedAtMs !== null);
  }

  sweep(nowMs: number): void {
    const { baseEjectionMs, failurePercentage, maxEjectionMs, maxEjectionPercent } = this.#options;
    const { minimumHosts, requestVolume, thresholdPercent } = failurePercentage as Record<string, number>;
    const ids = Object.keys(this.hosts);
    const rate = (id: string): number => {
      const { failures, successes } = this.hosts[id]!;
      return failures / (failures + successes);
    };
    const bad = ids
      .filter((id) => this.hosts[id]!.failures + this.hosts[id]!.successes >= requestVolume!)
      .filter((id) => rate(id) * 100 >= thresholdPercent!)
      .sort((left, right) => rate(right) - rate(left) || left.localeCompare(right));
    for (const id of ids.length < minimumHosts! ? [] : bad) {
      const share = (100 * this.ejected().length) / ids.length;
      if (this.ejected().length > 0 && share >= maxEjectionPercent!) break;
      const host = this.hosts[id]!;
      host.multiplier++;
      host.ejectedAtMs = nowMs;
    }
    for (const host of Object.values(this.hosts)) {
      host.successes = host.failures = 0;
      const lastsMs = Math.min(baseEjectionMs! * host.multiplier, Math.max(baseEjectionMs!, maxEjectionMs!));
      if (host.ejectedAtMs === null) host.multiplier = Math.max(0, host.multiplier - 1);
      else if (nowMs >= host.ejectedAtMs + lastsMs) host.ejectedAtMs = null;
    }
  }
}
