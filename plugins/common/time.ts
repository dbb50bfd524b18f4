/**
 * Times in records: ISO 8601 text or numbers since the epoch, as milliseconds. The text is read from its bytes, without making
 * a string or a Date: `YYYY-MM-DD`, then optionally `T` or a space, `HH:MM`, `:SS`, a fraction, and `Z` or an offset. Text
 * without an offset is UTC, so that the answer does not depend on the machine. Anything else is NaN: no guessing.
 */
import type { Column } from "distributed-system";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** Numbers beyond this (the year 255,479) are no times; a little short of what a Date can hold, so that window ends fit. */
const EPOCH_MS_MAX = 8e15;

/** Reads the time at a row; NaN where there is none. Numbers count in `unitMs` milliseconds. */
export function timeReader(column: Column, unitMs: number): (row: number) => number {
  if (column.type === "timestamp") return (row) => bounded(column.number(row));
  if (column.type === "string" || column.type === "dictionary") return (row) => parseBytes(column.bytes(row));
  return (row) => {
    const number = column.number(row);
    return Number.isNaN(number) ? parseBytes(column.bytes(row)) : bounded(number * unitMs);
  };
}

function bounded(ms: number): number {
  return Math.abs(ms) <= EPOCH_MS_MAX ? ms : Number.NaN;
}

function parseBytes(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? Number.NaN : parseTime(bytes);
}

/** Milliseconds since the epoch, NaN when the bytes are no time. */
export function parseTime(bytes: Uint8Array): number {
  const length = bytes.length;
  if (length < 10 || bytes[4] !== 0x2d || bytes[7] !== 0x2d) return Number.NaN;
  const day = dayNumber(digits(bytes, 0, 4), digits(bytes, 5, 2), digits(bytes, 8, 2));
  if (length === 10 || Number.isNaN(day)) return day * DAY_MS;
  const separator = bytes[10];
  if ((separator !== 0x54 && separator !== 0x74 && separator !== 0x20) || length < 16 || bytes[13] !== 0x3a)
    return Number.NaN;
  const hour = digits(bytes, 11, 2);
  const minute = digits(bytes, 14, 2);
  if (!(hour <= 23 && minute <= 59)) return Number.NaN;
  const start = day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS;
  return length > 16 && bytes[16] === 0x3a ? start + secondsAndZone(bytes, 17) : start + zone(bytes, 16);
}

function secondsAndZone(bytes: Uint8Array, from: number): number {
  const second = digits(bytes, from, 2);
  if (!(second <= 59)) return Number.NaN; // leap seconds have no number in epoch time
  let at = from + 2;
  let fraction = 0;
  if (bytes[at] === 0x2e || bytes[at] === 0x2c) {
    const first = ++at;
    for (let scale = 100; at < bytes.length && isDigit(bytes[at]!); at++, scale /= 10) {
      if (scale >= 1) fraction += (bytes[at]! - 0x30) * scale; // finer than a millisecond is cut off
    }
    if (at === first) return Number.NaN;
  }
  return second * 1000 + fraction + zone(bytes, at);
}

/** What to add for the offset at `at`: 0 for none or `Z`, NaN for anything that is no offset. */
function zone(bytes: Uint8Array, at: number): number {
  if (at === bytes.length) return 0;
  const sign = bytes[at];
  if (sign === 0x5a || sign === 0x7a) return at + 1 === bytes.length ? 0 : Number.NaN;
  if (sign !== 0x2b && sign !== 0x2d) return Number.NaN;
  const colon = bytes[at + 3] === 0x3a ? 1 : 0;
  if (at + 5 + colon !== bytes.length) return Number.NaN;
  const hour = digits(bytes, at + 1, 2);
  const minute = digits(bytes, at + 3 + colon, 2);
  if (!(hour <= 23 && minute <= 59)) return Number.NaN;
  const offset = hour * HOUR_MS + minute * MINUTE_MS;
  return sign === 0x2b ? -offset : offset;
}

function digits(bytes: Uint8Array, from: number, count: number): number {
  let number = 0;
  for (let at = from; at < from + count; at++) {
    const byte = bytes[at];
    if (byte === undefined || !isDigit(byte)) return Number.NaN;
    number = number * 10 + (byte - 0x30);
  }
  return number;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant's days_from_civil); NaN for no such day. */
function dayNumber(year: number, month: number, day: number): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return Number.NaN;
  const shifted = month <= 2 ? year - 1 : year; // the year starts in March, so that the leap day is its last
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
