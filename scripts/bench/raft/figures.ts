/** What one load comes down to, as every load program prints it. */
import { quantile } from "../common/statistics.ts";

export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function figuresOf(times: readonly number[], tookMs: number): Figures {
  return {
    perSecond: (times.length * 1000) / tookMs,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
  };
}

/** So many loops at once until the time is over: each asks again when it has its answer. */
export async function askFor(ms: number, loops: number, ask: () => Promise<unknown>): Promise<Figures> {
  const times: number[] = [];
  const fromMs = performance.now();
  const untilMs = fromMs + ms;
  const loop = async (): Promise<void> => {
    for (let askedMs = performance.now(); askedMs < untilMs; ) {
      await ask();
      const now = performance.now();
      times.push(now - askedMs);
      askedMs = now;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return figuresOf(times, performance.now() - fromMs);
}
