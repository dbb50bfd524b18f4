/** Reading and changing a flat list of fields. Names given are in lower case. */
import type { HeaderList } from "./words.ts";

/** The first value of that name. */
export function headerOf(list: HeaderList, name: string): string | undefined {
  for (let at = 0; at < list.length; at += 2) if (list[at] === name) return list[at + 1];
  return undefined;
}

/** All values of that name, in their order. */
export function headersOf(list: HeaderList, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < list.length; at += 2) if (list[at] === name) values.push(list[at + 1]!);
  return values;
}

/** The list without that name. */
export function withoutHeader(list: HeaderList, name: string): HeaderList {
  const kept: HeaderList = [];
  for (let at = 0; at < list.length; at += 2) if (list[at] !== name) kept.push(list[at]!, list[at + 1]!);
  return kept;
}

/** The list with exactly this value of that name, at the end. */
export function withHeader(list: HeaderList, name: string, value: string): HeaderList {
  const kept = withoutHeader(list, name);
  kept.push(name, value);
  return kept;
}
