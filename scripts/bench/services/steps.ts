/** One load after the other, as it travels to the process that makes it, and as it is shown. */
import type { Figures } from "../common/figures.ts";

export interface Step {
  readonly inFlight: number;
  /** Calls a second, instead of so many in flight. */
  readonly rate?: number;
  /** Not counted. */
  readonly warmMs: number;
  readonly ms: number;
}

export function stepsOf(inFlights: readonly number[], ms: number, rates: readonly number[] = []): readonly Step[] {
  const time = { warmMs: Math.ceil(ms / 3), ms };
  return [
    ...inFlights.map((inFlight) => ({ inFlight, ...time })),
    ...rates.map((rate) => ({ inFlight: 1, rate, ...time })),
  ];
}

export function titleOf({ inFlight, rate }: Step): string {
  return rate === undefined ? `${inFlight} in flight` : `${rate.toLocaleString("en-US")} a second`;
}

export function perSecond(rate: number): string {
  return Math.round(rate).toLocaleString("en-US");
}

export function milliseconds(ms: number): string {
  return ms < 10 ? ms.toFixed(2) : ms.toFixed(0);
}

export function cell({ p50Ms, p99Ms, perSecond: rate }: Figures): string {
  return `${perSecond(rate)} (${milliseconds(p50Ms)} / ${milliseconds(p99Ms)} ms)`;
}
