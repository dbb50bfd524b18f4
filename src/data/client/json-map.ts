/** A strong map whose values are JSON texts. What is there and is no JSON is `data.not_json`, and stays as it is. */
import { Failure } from "../../base/errors.ts";
import type { CallOptions } from "../../wire/rpc/index.ts";
import type { CasReply, Entry, Value } from "../words/index.ts";
import type { Expectation, PutOptions, RangeOptions, ReadOptions } from "./map-options.ts";

/** What it needs of the map below. */
export interface PlainMap {
  readonly name: string;
  get(key: string, options?: ReadOptions): Promise<Entry | undefined>;
  put(key: string, value: Value, options?: PutOptions): Promise<number>;
  delete(key: string, options?: CallOptions): Promise<boolean>;
  cas(key: string, expect: Expectation, value: Value | undefined, options?: PutOptions): Promise<CasReply>;
  update(
    key: string,
    change: (entry: Entry | undefined) => Promise<Value | undefined>,
    options?: CallOptions,
  ): Promise<number>;
  entries(options?: RangeOptions): AsyncGenerator<Entry, void, void>;
}

export interface JsonEntry<T> extends Omit<Entry, "value"> {
  readonly value: T;
}

export class JsonMap<T> {
  readonly #map: PlainMap;

  constructor(map: PlainMap) {
    this.#map = map;
  }

  async get(key: string, options?: ReadOptions): Promise<JsonEntry<T> | undefined> {
    const entry = await this.#map.get(key, options);
    return entry && this.#parsed(entry);
  }

  put(key: string, value: T, options?: PutOptions): Promise<number> {
    return this.#map.put(key, jsonText(value), options);
  }

  delete(key: string, options?: CallOptions): Promise<boolean> {
    return this.#map.delete(key, options);
  }

  /** By revision, or by the very text that `put` makes of a value: the order of fields counts. */
  cas(
    key: string,
    expect: Exclude<Expectation, { readonly value: Value }> | { readonly value: T },
    value: T | undefined,
    options?: PutOptions,
  ): Promise<CasReply> {
    const expected = "value" in expect ? { value: jsonText(expect.value) } : expect;
    return this.#map.cas(key, expected, value === undefined ? undefined : jsonText(value), options);
  }

  update(
    key: string,
    change: (value: T | undefined) => T | undefined | Promise<T | undefined>,
    options?: CallOptions,
  ): Promise<number> {
    const changed = async (entry: Entry | undefined): Promise<Value | undefined> => {
      const value = await change(entry && this.#parsed(entry).value);
      return value === undefined ? undefined : jsonText(value);
    };
    return this.#map.update(key, changed, options);
  }

  async *entries(options?: RangeOptions): AsyncGenerator<JsonEntry<T>, void, void> {
    for await (const entry of this.#map.entries(options)) yield this.#parsed(entry);
  }

  #parsed(entry: Entry): JsonEntry<T> {
    const text = typeof entry.value === "string" ? entry.value : new TextDecoder().decode(entry.value);
    try {
      return { ...entry, value: JSON.parse(text) as T }; // what whoever put it there has promised
    } catch (thrown) {
      const what = `map ${this.#map.name}: the value of ${JSON.stringify(entry.key)}`;
      throw new Failure("data.not_json", `${what} is ${JSON.stringify(text.slice(0, 60))}; JSON is required`, {
        cause: thrown,
      });
    }
  }
}

function jsonText(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined; // undefined for functions and undefined itself
  if (text !== undefined) return text;
  throw new Failure("data.not_json", `a value is ${typeof value}; something that JSON can tell is required`);
}
