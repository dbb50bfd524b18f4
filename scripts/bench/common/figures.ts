/** What one load comes down to, as every load program prints it, and the loads: so many at once, or so many a second. */
import { median, quantile } from "./statistics.ts";

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

/**
 * So many a second, whether or not those before have been answered. Timers ring each millisecond at best, so what is due is asked
 * together; a time counts from the asking, for this program's own lateness is not the other side's.
 */
export async function askAtRate(ms: number, perSecond: number, ask: () => Promise<unknown>): Promise<Figures> {
  const times: number[] = [];
  const underWay = new Set<Promise<void>>();
  const timed = async (): Promise<void> => {
    const askedMs = performance.now();
    await ask();
    times.push(performance.now() - askedMs);
  };
  const fromMs = performance.now();
  let asked = 0;
  for (let nowMs = fromMs; nowMs < fromMs + ms; nowMs = performance.now()) {
    for (const due = ((nowMs - fromMs) * perSecond) / 1000; asked < due; asked++) {
      const one = timed().finally(() => underWay.delete(one));
      underWay.add(one);
    }
    await Bun.sleep(1);
  }
  await Promise.all(underWay);
  return figuresOf(times, performance.now() - fromMs);
}

/** What `runs` of the same thing come down to: the median of each figure. */
export function medians(all: readonly Figures[]): Figures {
  return {
    perSecond: median(all.map(({ perSecond }) => perSecond)),
    p50Ms: median(all.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(all.map(({ p99Ms }) => p99Ms)),
  };
}
