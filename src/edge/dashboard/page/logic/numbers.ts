/** Numbers as the page writes them: short, and of the same width from second to second. Pure. */
import { formatDurationMs } from "../../../../base/units.ts";

/** What is not known. */
export const UNKNOWN = "–";

/** 0.4, 12, 950, 12.4k, 3.1M, 2.0G. */
export function short(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return UNKNOWN;
  for (const [unit, scale] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (Math.abs(value) >= scale * (scale === 1e3 ? 10 : 1)) return `${(value / scale).toFixed(1)}${unit}`;
  }
  if (Number.isInteger(value) || Math.abs(value) >= 10) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(1);
}

export function perSecond(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${short(value)}/s`;
}

export function bytesPerSecond(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${short(value)}B/s`;
}

export function percent(share: number | undefined): string {
  return share === undefined ? UNKNOWN : `${Math.round(share * 100)} %`;
}

export function duration(ms: number | undefined): string {
  return ms === undefined ? UNKNOWN : formatDurationMs(ms);
}

/** For a list: `3 s`, `12 m`, `2 h`, `4 d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}
