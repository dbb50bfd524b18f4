/**
 * Rounding to decimals, half away from zero, as people round money. A double such as 1.005 lies a hair below the half; a value
 * within a few units in the last place of the half counts as the half, so that 1.005 becomes 1.01.
 */
export const DECIMALS_MAX = 15; // a double holds no more

const TIE_TOLERANCE = 4 * Number.EPSILON; // two roundings happened before: the value's own and the scaling's

export function roundTo(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  const scaled = Math.abs(value) * scale;
  if (!(scaled < 2 ** 52)) return value; // no fraction left to round, or NaN
  const below = Math.floor(scaled);
  const up = scaled - below >= 0.5 - TIE_TOLERANCE * (scaled + 1);
  return (Math.sign(value) * (up ? below + 1 : below)) / scale;
}
