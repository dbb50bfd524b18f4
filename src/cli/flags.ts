/** Finds flags that a command does not know: citty would take them silently, and a typed mistake would do nothing. */
import type { ArgsDef } from "citty";

/** What is wrong, or undefined. */
export function unknownFlag(words: readonly string[], args: ArgsDef): string | undefined {
  const known = knownFlags(args);
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") return undefined;
    if (!word.startsWith("-") || word === "-") continue;
    const [flag, value] = word.split("=", 2) as [string, string | undefined];
    const takesValue = known.get(flag);
    if (takesValue === undefined)
      return `${flag} is not known here; known are ${[...known.keys()].filter((each) => each.startsWith("--") && !each.startsWith("--no-")).join(", ")}`;
    if (!takesValue) continue;
    if (value === undefined && words[at + 1] === undefined) return `${flag} needs a value`;
    if (value === undefined) at++;
  }
  return undefined;
}

/** Each spelling, and whether a value follows it. */
function knownFlags(args: ArgsDef): Map<string, boolean> {
  const known = new Map<string, boolean>();
  for (const [name, { type, alias }] of Object.entries(args) as [
    string,
    { type?: string; alias?: string | string[] },
  ][]) {
    if (type === "positional") continue;
    const takesValue = type !== "boolean";
    known.set(`--${name}`, takesValue);
    if (!takesValue) known.set(`--no-${name}`, false);
    for (const short of [alias ?? []].flat()) known.set(short.length === 1 ? `-${short}` : `--${short}`, takesValue);
  }
  return known;
}
