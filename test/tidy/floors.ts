/** Reads src/floors.txt: which part may import which. The file itself explains its form. */
export interface Floors {
  /** From the highest to the lowest. */
  readonly order: readonly string[];
  readonly only: ReadonlyMap<string, readonly string[]>;
  readonly never: ReadonlyMap<string, readonly string[]>;
  /** Part → parts of its own floor that it may import. */
  readonly arrows: ReadonlyMap<string, readonly string[]>;
  readonly open: ReadonlySet<string>;
  /** Folders that hold parts of their own, as floor/folder. */
  readonly nested: ReadonlySet<string>;
}

export function parseFloors(text: string): Floors {
  const order: string[] = [];
  const lists = { "only:": new Lists(), "never:": new Lists(), "->": new Lists() };
  const [open, nested] = [new Set<string>(), new Set<string>()];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/#.*/, "").trimEnd();
    if (line === "") continue;
    const floor = line.startsWith(" ") ? order.at(-1) : undefined;
    const [name = "", ...words] = line.trim().split(/\s+/);
    const full = floor === undefined ? name : `${floor}/${name.replace(/\/\*$/, "")}`;
    if (floor === undefined) order.push(name);
    if (name.endsWith("/*")) nested.add(full);
    let kind: keyof typeof lists | undefined;
    for (const word of words) {
      if (word === "open") open.add(full);
      else if (word in lists) kind = word as keyof typeof lists;
      else if (kind !== undefined) lists[kind].add(full, kind === "->" ? `${floor}/${word}` : word);
      else throw new Error(`floors.txt:${index + 1}: "${word}" follows no only:, never: or ->`);
    }
  }
  return { order, only: lists["only:"], never: lists["never:"], arrows: lists["->"], open, nested };
}

class Lists extends Map<string, string[]> {
  add(name: string, word: string): void {
    this.set(name, [...(this.get(name) ?? []), word]);
  }
}

/** The part that a file of src belongs to: an open floor, floor/part, or floor/folder/part where the folder holds parts. */
export function partOf(path: string, floors: Floors): string {
  const folders = path.split("/").slice(1, -1);
  if (folders.length === 0) return path.slice("src/".length).replace(/\.ts$/, "");
  if (floors.open.has(folders[0]!)) return folders[0]!;
  const depth = floors.nested.has(folders.slice(0, 2).join("/")) ? 3 : 2;
  return folders.slice(0, depth).join("/");
}

export function floorOf(part: string): string {
  return part.split("/")[0]!;
}

/** Why `from` may not import `to`, or undefined when it may. */
export function importFault(from: string, to: string, floors: Floors): string | undefined {
  if (from === to) return undefined;
  const [high, low] = [floorOf(from), floorOf(to)].map((floor) => floors.order.indexOf(floor)) as [number, number];
  if (high < 0 || low < 0) return `${floorOf(high < 0 ? from : to)} is no floor of src/floors.txt`;
  if (low < high) return `${floorOf(to)} lies above ${floorOf(from)}`;
  if (low === high && !floors.arrows.get(from)?.includes(to)) return `no arrow ${from} -> ${to} in src/floors.txt`;
  const only = floors.only.get(from) ?? floors.only.get(floorOf(from));
  if (low !== high && only && !names(only, to)) return `${from} imports only ${only.join(", ")}`;
  const never = floors.never.get(from) ?? floors.never.get(floorOf(from));
  return never && names(never, to) ? `${from} never imports ${to}` : undefined;
}

function names(list: readonly string[], part: string): boolean {
  return list.some((name) => part === name || part.startsWith(`${name}/`));
}
