/** Ids of reports: short enough to type, sorted by day, never twice in one store (which tries again). */
import type { Random } from "../../base/random.ts";

/** Without letters and digits that look alike. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const LETTERS_USED = 4;
const NAME_LENGTH_MAX = 40;

/** `name-YYYYMMDD-xxxx`, the day in UTC. */
export function reportId(name: string, nowMs: number, random: Random): string {
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll("-", "");
  const letters = Array.from({ length: LETTERS_USED }, () => LETTERS[random.below(LETTERS.length)]);
  return `${slug(name)}-${day}-${letters.join("")}`;
}

/** What can be typed without quotes; `run` where nothing of it can. */
function slug(name: string): string {
  const typed = name
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .slice(0, NAME_LENGTH_MAX)
    .replace(/^-+|-+$/g, "");
  return typed === "" ? "run" : typed;
}
