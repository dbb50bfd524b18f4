/**
 * Look-up tables: a file read once into a map from key to entry; each record's key field picks the entry whose fields it gets.
 * Keys compare as text, so a number in the record finds the same digits in a CSV file. Finds duplicate keys (which one would
 * be meant?), entries without the key, unknown fields, and files beyond the bound.
 */
import type { Batch, Value } from "distributed-system";
import { writeValues } from "../common/columns.ts";
import { type Faults, messageOf } from "../common/faults.ts";
import { readFile } from "../common/files.ts";
import { cutAtColon, show, splitItems } from "../common/items.ts";
import { parseJson } from "../common/json.ts";
import { type Entry, parseCsv } from "./csv.ts";

/** A table lives in the memory of each lane's process; beyond this a look-up belongs into a database. */
const FILE_BYTES_MAX = 256 * 2 ** 20;

export interface LookupOptions {
  readonly file: string;
  /** The record's field that holds the key. */
  readonly key: string;
  /** The file's column that holds the key. */
  readonly tableKey: string;
  /** The parameter that named the column. */
  readonly tableKeyParam: string;
  /** `name;price:unit_price`: what to take, and under which name; empty takes all. */
  readonly fields: string;
  readonly onMissing: "null" | "skip" | "reject";
}

interface Target {
  readonly source: string;
  readonly name: string;
}

export class Lookup {
  readonly #options: LookupOptions;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #targets: readonly Target[];

  constructor(options: LookupOptions, faults: Faults) {
    this.#options = options;
    const entries = faults.attempt("lookup", () => readEntries(options.file));
    if (entries === undefined) {
      this.#entries = new Map();
      this.#targets = [];
      return;
    }
    const columns = new Set(entries.flatMap((entry) => Object.keys(entry)));
    this.#entries = byKey(entries, columns, options, faults);
    this.#targets = chooseTargets(columns, options, faults);
  }

  get size(): number {
    return this.#entries.size;
  }

  apply(batch: Batch): void {
    const found = this.#find(batch);
    for (const { source, name } of this.#targets) {
      const values: (Value | undefined)[] = new Array(batch.length);
      for (let row = 0; row < batch.length; row++) values[row] = this.#pick(found[row], source);
      writeValues(batch, name, values);
    }
  }

  #find(batch: Batch): (Entry | undefined)[] {
    const found: (Entry | undefined)[] = new Array(batch.length).fill(undefined);
    const column = batch.column(this.#options.key);
    for (let row = 0; row < batch.length; row++) {
      const key = column === undefined ? undefined : (column.string(row) ?? keyText(column.get(row)));
      found[row] = key === undefined ? undefined : this.#entries.get(key);
      if (found[row] === undefined && this.#options.onMissing === "reject" && batch.isLive(row)) {
        batch.reject(row, `${this.#options.key}: ${show(column?.get(row))} is not in the look-up table`);
      }
    }
    return found;
  }

  #pick(entry: Entry | undefined, source: string): Value | undefined {
    if (entry !== undefined) return entry[source];
    return this.#options.onMissing === "null" ? null : undefined;
  }
}

function keyText(value: Value | undefined): string | undefined {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

function readEntries(file: string): Entry[] {
  const text = new TextDecoder().decode(readFile("look-up table", file, FILE_BYTES_MAX));
  try {
    if (file.endsWith(".csv")) return parseCsv(text);
    if (file.endsWith(".json")) return parseArray(text);
  } catch (error) {
    throw new Error(`look-up table ${file}: ${messageOf(error)}`);
  }
  throw new Error(`look-up table ${file} has an unknown ending; .csv and .json are allowed`);
}

function parseArray(text: string): Entry[] {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed)) throw new Error(`it holds ${show(parsed)}; an array of objects is required`);
  for (const entry of parsed) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry))
      throw new Error(`${show(entry)} is no object`);
  }
  return parsed;
}

function byKey(
  entries: readonly Entry[],
  columns: ReadonlySet<string>,
  { file, tableKey, tableKeyParam }: LookupOptions,
  faults: Faults,
): Map<string, Entry> {
  const map = new Map<string, Entry>();
  if (entries.length > 0 && !columns.has(tableKey)) {
    faults.add(tableKeyParam, `look-up table ${file} has no key "${tableKey}"; it has ${[...columns].join(", ")}`);
    return map;
  }
  faults.attempt("lookup", () => {
    for (const entry of entries) {
      const value = Object.hasOwn(entry, tableKey) ? entry[tableKey] : undefined;
      const key = typeof value === "string" ? value : keyText(value);
      if (key === undefined)
        throw new Error(`look-up table ${file}: the entry ${show(entry)} has no key "${tableKey}"`);
      if (map.has(key)) throw new Error(`look-up table ${file}: the key ${show(key)} appears twice`);
      map.set(key, entry);
    }
  });
  return map;
}

function chooseTargets(
  columns: ReadonlySet<string>,
  { file, fields, tableKey }: LookupOptions,
  faults: Faults,
): Target[] {
  const wanted = splitItems(fields).map((item) => {
    const { name, rest } = cutAtColon(item);
    return { source: name, name: rest?.trim() || name };
  });
  for (const { source } of wanted) {
    if (columns.has(source)) continue;
    faults.add("lookup_fields", `look-up table ${file} has no field "${source}"; it has ${[...columns].join(", ")}`);
  }
  if (wanted.length > 0) return wanted;
  return [...columns].filter((name) => name !== tableKey).map((name) => ({ source: name, name }));
}
