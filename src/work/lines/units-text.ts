/** Times and sizes written so that the parser reads the same value back: the largest unit that divides it. */
const DURATIONS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;
const SIZES = [
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
] as const;

export function formatDuration(ms: number): string {
  return scaled(ms, DURATIONS) ?? `${ms}ms`;
}

export function formatSize(bytes: number): string {
  return scaled(bytes, SIZES) ?? String(bytes);
}

function scaled(value: number, units: readonly (readonly [string, number])[]): string | undefined {
  const unit = units.find(([, scale]) => value !== 0 && value % scale === 0);
  return unit && `${value / unit[1]}${unit[0]}`;
}
