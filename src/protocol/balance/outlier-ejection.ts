/**
 * A balancer that passes over those whom a detector has ejected. It never leaves nobody: when all who could be chosen are ejected, all
 * of them are candidates again, for trouble that all share is not theirs. Several balancers may share one detector.
 */
import type { Balancer, Candidate, Choice, RequestResult } from "./contract.ts";
import type { OutlierDetector, OutlierEffect } from "./outlier-detector.ts";

/** Hears of ejections and returns; the balancer needs no pump beside it, for it ticks the detector with each pick. */
export type OutlierListener = (effect: OutlierEffect) => void;

export function withOutlierEjection(balancer: Balancer, detector: OutlierDetector, report: OutlierListener): Balancer {
  const feed = (...[input, nowMs]: Parameters<OutlierDetector["step"]>): void => {
    for (const effect of detector.step(input, nowMs)) report(effect);
  };
  return {
    get remembered() {
      return Math.max(balancer.remembered, detector.hosts);
    },
    pick(candidates: readonly Candidate[], choice: Choice, nowMs: number): string | undefined {
      feed({ type: "seen", ids: candidates.map(({ id }) => id) }, nowMs);
      if (detector.ejected.size === 0) return balancer.pick(candidates, choice, nowMs);
      const exclude = new Set([...(choice.exclude ?? []), ...detector.ejected]);
      return balancer.pick(candidates, { ...choice, exclude }, nowMs) ?? balancer.pick(candidates, choice, nowMs);
    },
    started(id: string, nowMs: number): void {
      balancer.started?.(id, nowMs);
    },
    ended(id: string, result: RequestResult, nowMs: number): void {
      feed({ type: "ended", id, ok: result.ok }, nowMs);
      balancer.ended?.(id, result, nowMs);
    },
    forget(id: string): void {
      detector.forget(id);
      balancer.forget?.(id);
    },
  };
}
