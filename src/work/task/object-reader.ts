/** Reads the fields of one object of a graph: each ill-typed or unknown one becomes a fault and is left out; reading goes on. */
import { nearMiss } from "../../base/near-miss.ts";
import { DURATION_FORM, parseDurationMs, parseSizeBytes, SIZE_FORM } from "../../base/units.ts";
import type { FaultList } from "./faults.ts";
import type { JsonPath } from "./json-text.ts";
import type { Json, JsonObject } from "./types.ts";

const QUOTED_LENGTH_MAX = 60;

export interface Range {
  readonly min: number;
  readonly max: number;
}

export class ObjectReader {
  readonly value: JsonObject;
  readonly path: JsonPath;
  readonly faults: FaultList;

  constructor(value: JsonObject, path: JsonPath, faults: FaultList) {
    this.value = value;
    this.path = path;
    this.faults = faults;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.value, name) && this.value[name] !== undefined;
  }

  at(name: string): Json | undefined {
    return this.has(name) ? this.value[name] : undefined;
  }

  fault(name: string | undefined, code: string, message: string, allowed: string, suggestion?: string): void {
    const path = name === undefined ? this.path : [...this.path, name];
    this.faults.add({ path, code: `task.config.${code}`, message, allowed, suggestion });
  }

  /** Complains of every field that is not among the names. */
  only(names: readonly string[], owner: string): void {
    for (const key of Object.keys(this.value)) {
      if (names.includes(key)) continue;
      this.fault(key, "unknown_field", `${owner} has no field ${quoted(key)}`, names.join(", "), nearMiss(key, names));
    }
  }

  required(name: string, what: string): boolean {
    if (this.has(name)) return true;
    this.fault(undefined, "missing_field", `${name} is missing`, `${name}: ${what}`);
    return false;
  }

  text(name: string, allowed: string, isRight: (text: string) => boolean = () => true): string | undefined {
    const value = this.at(name);
    if (value === undefined) return undefined;
    if (typeof value === "string" && isRight(value)) return value;
    return this.#illTyped(name, value, allowed);
  }

  choice<const C extends readonly string[]>(name: string, choices: C): C[number] | undefined {
    const value = this.at(name);
    if (value === undefined) return undefined;
    if (typeof value === "string" && choices.includes(value)) return value;
    const guess = typeof value === "string" ? nearMiss(value, choices) : undefined;
    return this.#illTyped(name, value, choices.join(", "), guess);
  }

  wholeNumber(name: string, range: Range): number | undefined {
    const value = this.at(name);
    if (value === undefined || isWithin(value, range)) return value;
    return this.#illTyped(name, value, `a whole number from ${range.min} to ${range.max}`);
  }

  durationMs(name: string, range: Range): number | undefined {
    const ms = this.#scaled(name, parseDurationMs);
    if (ms === undefined || isWithin(ms, range)) return ms;
    return this.#illTyped(name, this.value[name]!, `${DURATION_FORM}, from ${range.min} ms to ${range.max} ms`);
  }

  sizeBytes(name: string, range: Range): number | undefined {
    const bytes = this.#scaled(name, parseSizeBytes);
    if (bytes === undefined || isWithin(bytes, range)) return bytes;
    return this.#illTyped(name, this.value[name]!, `${SIZE_FORM}, from ${range.min} to ${range.max} bytes`);
  }

  object(name: string, allowed: string): ObjectReader | undefined {
    const value = this.at(name);
    if (value === undefined) return undefined;
    if (isObject(value)) return new ObjectReader(value, [...this.path, name], this.faults);
    return this.#illTyped(name, value, allowed);
  }

  list(name: string, allowed: string): readonly Json[] | undefined {
    const value = this.at(name);
    if (value === undefined || Array.isArray(value)) return value as readonly Json[] | undefined; // told by isArray
    return this.#illTyped(name, value, allowed);
  }

  /** NaN, which is in no range, where the value is neither a number nor a text with a unit. */
  #scaled(name: string, parse: (text: string) => number | undefined): number | undefined {
    const value = this.at(name);
    if (value === undefined || typeof value === "number") return value;
    return (typeof value === "string" ? parse(value) : undefined) ?? Number.NaN;
  }

  #illTyped(name: string, value: Json, allowed: string, suggestion?: string): undefined {
    this.fault(name, "bad_value", `${name} is ${shown(value)}`, allowed, suggestion);
  }
}

function isWithin(value: Json, { max, min }: Range): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max; // an integer is a number
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as a message shows it: not longer than a message should be. */
export function shown(value: Json): string {
  return quoted(value);
}

function quoted(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= QUOTED_LENGTH_MAX ? text : `${text.slice(0, QUOTED_LENGTH_MAX).toWellFormed()}…`;
}
