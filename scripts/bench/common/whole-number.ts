/** A whole number of the command line, with separators as people write them: 10000, 10_000 or 10,000. */
export function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text.replaceAll("_", "").replaceAll(",", ""));
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} is ${JSON.stringify(text)}; a whole number above 0 is required`);
}
