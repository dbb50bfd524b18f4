/** Variables that are read off the clock each time that a rule asks. Local time, as ModSecurity has it. */
import type { Bytes } from "../match/index.ts";

/** In milliseconds. */
export interface Times {
  /** Since 1970. */
  now(): number;
  /** Since the transaction began. */
  elapsedMs(): number;
}

type Reading = (times: Times) => Bytes;

function part(read: (date: Date) => number): Reading {
  return (times) => String(read(new Date(times.now()))).padStart(2, "0");
}

export const TIME_VARIABLES: ReadonlyMap<string, Reading> = new Map<string, Reading>([
  ["DURATION", (times) => (times.elapsedMs() / 1_000).toFixed(6)],
  ["TIME", (times) => new Date(times.now()).toTimeString().slice(0, 8)],
  ["TIME_DAY", part((date) => date.getDate())],
  ["TIME_EPOCH", (times) => String(Math.floor(times.now() / 1_000))],
  ["TIME_HOUR", part((date) => date.getHours())],
  ["TIME_MIN", part((date) => date.getMinutes())],
  ["TIME_MON", part((date) => date.getMonth())],
  ["TIME_SEC", part((date) => date.getSeconds())],
  ["TIME_WDAY", (times) => String(new Date(times.now()).getDay())],
  ["TIME_YEAR", (times) => String(new Date(times.now()).getFullYear())],
]);
