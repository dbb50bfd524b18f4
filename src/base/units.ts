/**
 * Times and sizes as people write them: `10000` and `500ms`, `10s`, `5m`, `2h`, `1d`; `65536`, `64KiB`, `64MiB`, `1GiB`,
 * `10MB`. A bare number is milliseconds or bytes. `undefined` says the text is neither; the caller knows file and line.
 */
const DURATION_MS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };
const SIZE_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

export const DURATION_FORM = "a whole number of milliseconds or one with ms, s, m, h or d, such as 10000, 500ms or 10s";
export const SIZE_FORM = "a whole number of bytes or one with KiB, MiB, GiB, KB, MB or GB, such as 65536 or 64MiB";

export function parseDurationMs(text: string): number | undefined {
  return scaled(text, DURATION_MS);
}

export function parseSizeBytes(text: string): number | undefined {
  return scaled(text, SIZE_BYTES);
}

function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)([A-Za-z]*)$/.exec(text.trim());
  if (!match) return undefined;
  const unit = Object.hasOwn(units, match[2] ?? "") ? units[match[2] ?? ""] : undefined;
  if (unit === undefined) return undefined;
  const value = Number(match[1]) * unit;
  return Number.isSafeInteger(value) ? value : undefined;
}

export function formatDurationMs(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function formatBytes(bytes: number): string {
  for (const [unit, scale] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes >= scale) return `${(bytes / scale).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}
