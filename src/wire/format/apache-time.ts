/** The time of a log line, `17/May/2015:10:05:03 +0200`, as ISO 8601 in UTC. Consecutive lines often share it. */
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const FORM = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;

/** Undefined when the text is not a time, or one that no calendar has. A leap second counts as the second after it. */
export function logTimeToIso(text: string): string | undefined {
  const match = FORM.exec(text);
  const month = match ? MONTHS.indexOf(match[2]!) / 3 : -1;
  if (!match || !Number.isInteger(month) || month < 0) return undefined;
  const [day, year, hour, minute, second] = [match[1], match[3], match[4], match[5], match[6]].map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 60) return undefined;
  const zoneMinutes = Number(match[8]) * 60 + Number(match[9]);
  const local = Date.UTC(2000, month, day, hour, minute, second) + yearOffsetMs(year, month, day);
  const utc = match[7] === "+" ? local - zoneMinutes * 60_000 : local + zoneMinutes * 60_000;
  return `${new Date(utc).toISOString().slice(0, -5)}Z`;
}

/** `Date.UTC` reads years below 100 as 19xx, so the year is set apart. */
function yearOffsetMs(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month, day) - Date.UTC(2000, month, day);
}

function daysOf(year: number, month: number): number {
  return new Date(new Date(0).setUTCFullYear(year, month + 1, 0)).getUTCDate();
}
