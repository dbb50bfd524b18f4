/**
 * Versions of services and how calls name them (semver.org, items 2 to 11): `users` is the highest, `users@1` and `users@1.2` the
 * highest of those, `users@1.2.0` exactly that one. A pre-release stands behind every release: only who names it, or finds nothing else, gets it.
 */
import { VERSION_FORM } from "../../../process/service/index.ts";

const BEGINNING = /^(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?$/;

export interface Selector {
  readonly name: string;
  readonly wanted:
    | "any"
    | { readonly major: number; readonly minor: number | undefined }
    | { readonly version: string };
}

interface Version {
  readonly numbers: readonly [number, number, number];
  /** Identifiers of a pre-release; none for a release. */
  readonly before: readonly string[];
}

export function isVersion(text: string): boolean {
  return VERSION_FORM.test(text);
}

/** Undefined when it has not the form. */
export function readSelector(text: string): Selector | undefined {
  const at = text.indexOf("@");
  if (at === -1) return text === "" ? undefined : { name: text, wanted: "any" };
  const [name, version] = [text.slice(0, at), text.slice(at + 1)];
  if (name === "") return undefined;
  const [, major, minor] = BEGINNING.exec(version) ?? [];
  if (major !== undefined)
    return { name, wanted: { major: Number(major), minor: minor === undefined ? undefined : Number(minor) } };
  return isVersion(version) ? { name, wanted: { version } } : undefined;
}

export function fits(version: string, { wanted }: Selector): boolean {
  if (wanted === "any") return true;
  if ("version" in wanted) return version === wanted.version;
  const [major, minor] = read(version).numbers;
  return major === wanted.major && (wanted.minor === undefined || minor === wanted.minor);
}

/** Sorts the one that is preferred first. Total: versions that differ in their build only are told apart by their text. */
export function comparePreference(left: string, right: string): number {
  const [a, b] = [read(left), read(right)];
  if ((a.before.length === 0) !== (b.before.length === 0)) return a.before.length - b.before.length;
  for (const at of [0, 1, 2] as const) {
    if (a.numbers[at] !== b.numbers[at]) return b.numbers[at] - a.numbers[at];
  }
  return compareBefore(b.before, a.before) || (left < right ? 1 : left > right ? -1 : 0);
}

/** Item 11: numbers below words, by value; words by their characters; more identifiers above fewer. */
function compareBefore(left: readonly string[], right: readonly string[]): number {
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [a, b] = [left[at]!, right[at]!];
    if (a === b) continue;
    const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
    if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
    if (isNumberA && Number(a) !== Number(b)) return Number(a) - Number(b);
    return a < b ? -1 : 1;
  }
  return left.length - right.length;
}

/** Of a version that was looked at when it came in. */
function read(text: string): Version {
  const [, major, minor, patch, before] = VERSION_FORM.exec(text) ?? [];
  const numbers = [Number(major ?? 0), Number(minor ?? 0), Number(patch ?? 0)] as const;
  return { numbers, before: before === undefined ? [] : before.split(".") };
}
