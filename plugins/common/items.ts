/**
 * Lists inside one parameter: items between `;`, each `name:rest`. The pipeline file has taken its own escapes away before a
 * plugin sees the text; what is left is `\;` for a semicolon inside an item and `\:` for a colon inside a name. Any other
 * backslash belongs to the item (regular expressions are full of them). Finds items without a name or a colon.
 */
import type { Faults } from "./faults.ts";

export interface NamedItem {
  readonly name: string;
  readonly rest: string;
}

/** The items of a list, trimmed; empty ones (a trailing `;`) are left out. */
export function splitItems(text: string): string[] {
  const items: string[] = [];
  let item = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\\" && at + 1 < text.length) {
      const next = text[++at]!;
      item += next === ";" ? ";" : char + next;
    } else if (char === ";") {
      items.push(item);
      item = "";
    } else item += char;
  }
  items.push(item);
  return items.map((each) => each.trim()).filter((each) => each !== "");
}

/** Items of the form `name:rest`; others become faults of `parameter` and are left out. */
export function namedItems(parameter: string, text: string, faults: Faults): NamedItem[] {
  return splitItems(text).flatMap((item) => {
    const { name, rest } = cutAtColon(item);
    if (name !== "" && rest !== undefined) return [{ name, rest: rest.trim() }];
    faults.add(parameter, `item "${item}" has no name and colon; each item is name:value, items end at ;`);
    return [];
  });
}

/** What `make` gives for each item; an item for which it throws becomes a fault and is left out. */
export function compileItems<T extends object>(
  parameter: string,
  text: string,
  faults: Faults,
  make: (item: NamedItem) => T,
): T[] {
  return namedItems(parameter, text, faults).flatMap((item) => faults.attempt(parameter, () => make(item)) ?? []);
}

/** The text before the first unescaped colon, and what follows it (undefined when there is none). */
export function cutAtColon(item: string): { name: string; rest: string | undefined } {
  let name = "";
  for (let at = 0; at < item.length; at++) {
    const char = item[at]!;
    if (char === "\\" && item[at + 1] === ":") {
      name += ":";
      at++;
    } else if (char === ":") return { name: name.trim(), rest: item.slice(at + 1) };
    else name += char;
  }
  return { name: name.trim(), rest: undefined };
}

/** The only way these plugins write a value into a message: as JSON, cut short. */
export function show(value: unknown): string {
  const SHOWN_MAX = 60; // a reason is read by people; the whole record stands beside it in the dead letter
  const text =
    value === undefined
      ? "nothing"
      : (JSON.stringify(value, (_key, each) => (typeof each === "bigint" ? each.toString() : each)) ?? "nothing");
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
