/**
 * All variables of one transaction: single values, lists by key, what rules set (TX) and what outlives the request. Equal values share one
 * subject, so each distinct value is transformed and scanned once. What may change while a phase runs is marked volatile; everything
 * else keeps its generation, and lists made of it are kept as long as it does or as the values that they were made of are the same.
 */
import type { Bytes } from "../match/index.ts";
import { Found, NOTHING_FOUND } from "./found.ts";
import { POOLED_TRANSACTION_MAX, TX_VARIABLES_MAX, VARIABLE_BYTES_MAX } from "./limits.ts";
import type { RecordValues } from "./records.ts";
import { TIME_VARIABLES, type Times } from "./time-variables.ts";
import { Value } from "./value.ts";
import { ValuePool } from "./value-pool.ts";

/** Variables that can change between two rules of one phase. */
const VOLATILE: ReadonlySet<string> = new Set([
  "TX",
  "IP",
  "GLOBAL",
  "SESSION",
  "USER",
  "RESOURCE",
  "ENV",
  "MATCHED_VAR",
  "MATCHED_VAR_NAME",
  "MATCHED_VARS",
  "MATCHED_VARS_NAMES",
  "DURATION",
  "HIGHEST_SEVERITY",
  "REQBODY_PROCESSOR",
  "SESSIONID",
  "USERID",
]);

export function isVolatile(collection: string): boolean {
  return VOLATILE.has(collection);
}

/** Variables that are there in each phase, empty until something fills them. */
const ALWAYS: ReadonlySet<string> = new Set([
  "ARGS_COMBINED_SIZE",
  "AUTH_TYPE",
  "FILES_COMBINED_SIZE",
  "FULL_REQUEST",
  "FULL_REQUEST_LENGTH",
  "INBOUND_DATA_ERROR",
  "OUTBOUND_DATA_ERROR",
  "PATH_INFO",
  "QUERY_STRING",
  "REMOTE_USER",
  "REQBODY_ERROR",
  "REQBODY_ERROR_MSG",
  "REQBODY_PROCESSOR",
  "REQBODY_PROCESSOR_ERROR",
  "REQBODY_PROCESSOR_ERROR_MSG",
  "REQUEST_BODY",
  "REQUEST_BODY_LENGTH",
  "RESPONSE_BODY",
  "RESPONSE_CONTENT_LENGTH",
  "RESPONSE_CONTENT_TYPE",
  "RESPONSE_PROTOCOL",
  "RESPONSE_STATUS",
  "SESSIONID",
  "URLENCODED_ERROR",
  "USERID",
  "WEBAPPID",
]);

const HIGHEST_SEVERITY = "HIGHEST_SEVERITY";
/** No rule with one has matched; the number is ModSecurity's. */
const NO_SEVERITY = 255;

const ARGUMENT_LISTS: ReadonlySet<string> = new Set(["ARGS_GET", "ARGS_GET_NAMES", "ARGS_POST", "ARGS_POST_NAMES"]);

/** Longer values are not kept for sharing: they are rare, and hashing them costs as much as it saves. */
const SHARED_BYTES_MAX = 4_096;

export class Variables {
  /** Each the only one of its list. */
  readonly #single = new Map<string, readonly [Found]>();
  readonly #lists = new Map<string, Found[]>();
  readonly #tx = new Map<Bytes, Found>();
  readonly #records = new Map<string, RecordValues>();
  readonly #subjects = new Map<Bytes, Value>();
  #queryArguments = 0;
  #highestSeverity = NO_SEVERITY;
  /** Of the firewall. */
  readonly pool: ValuePool;
  readonly #times: Times;
  /** Changes whenever a variable that is not volatile does. */
  generation = 0;
  /** Of the rule that is being looked at. */
  readonly matched: Found[] = [];

  constructor(times: Times, pool: ValuePool) {
    this.#times = times;
    this.pool = pool;
  }

  subject(value: Bytes): Value {
    if (value === "") return this.pool.nothing;
    if (value.length > SHARED_BYTES_MAX) return new Value(value);
    const isPooled = ValuePool.takes(value) && this.#subjects.size < POOLED_TRANSACTION_MAX;
    const pooled = isPooled ? this.pool.get(value) : undefined;
    if (pooled !== undefined) return pooled;
    let subject = this.#subjects.get(value);
    if (subject === undefined) {
      subject = isPooled ? this.pool.admit(value) : new Value(value);
      this.#subjects.set(value, subject);
    }
    return subject;
  }

  setSingle(name: string, value: Bytes): void {
    this.#single.set(name, value === "" ? this.pool.blank(name) : [new Found(name, undefined, this.subject(value))]);
    this.generation += 1;
  }

  /** Of a rule that matched; 0 is the highest. It is volatile, so no list is kept of it. */
  noteSeverity(severity: number): void {
    if (severity >= this.#highestSeverity) return;
    this.#highestSeverity = severity;
    this.#single.set(HIGHEST_SEVERITY, [new Found(HIGHEST_SEVERITY, undefined, this.subject(String(severity)))]);
  }

  single(name: string): Bytes {
    return this.#single.get(name)?.[0].value ?? "";
  }

  /** One more of a list: `ARGS`, `FILES`, … */
  add(name: string, key: Bytes, value: Bytes): void {
    this.addFound(new Found(name, key, this.subject(value)));
  }

  /** A list in which each key has one value: `ENV`. */
  setKeyed(name: string, key: Bytes, value: Bytes): void {
    const kept = this.list(name).filter((found) => found.key !== key);
    this.#lists.set(name, [...kept, new Found(name, key, this.subject(value))]);
    this.generation += 1;
  }

  /** Values and names of all; the lists by origin are made of these when a rule asks. Those of the query come first. */
  addArgument(from: "GET" | "POST", name: Bytes, value: Bytes): void {
    this.addFound(new Found("ARGS", name, this.subject(value)));
    this.addFound(new Found("ARGS_NAMES", name, this.subject(name)));
    if (from === "GET") this.#queryArguments += 1;
  }

  /** `ARGS_GET`, `ARGS_POST_NAMES`, … */
  #argumentsOf(collection: string): readonly Found[] {
    const all = this.#lists.get(allArgumentsOf(collection)) ?? NOTHING_FOUND;
    const isQuery = collection.startsWith("ARGS_GET");
    const own = isQuery ? all.slice(0, this.#queryArguments) : all.slice(this.#queryArguments);
    return own.map(({ key, subject }) => new Found(collection, key, subject));
  }

  addFound(found: Found): void {
    const list = this.#lists.get(found.collection);
    if (list === undefined) this.#lists.set(found.collection, [found]);
    else list.push(found);
    this.generation += 1;
  }

  list(name: string): readonly Found[] {
    if (ARGUMENT_LISTS.has(name)) return this.#argumentsOf(name);
    return this.#lists.get(name) ?? NOTHING_FOUND;
  }

  /**
   * What values of that name are made of: as long as it gives the same array, of the same length, `of` means the same. Undefined: nobody knows.
   * Not for volatile ones.
   */
  originOf(collection: string): readonly Found[] | undefined {
    if (ARGUMENT_LISTS.has(collection)) return this.#lists.get(allArgumentsOf(collection)) ?? NOTHING_FOUND;
    if (TIME_VARIABLES.has(collection)) return undefined;
    return this.of(collection, undefined);
  }

  /** `key` in lower case. */
  txFound(key: Bytes): Found | undefined {
    return this.#tx.get(key);
  }

  tx(key: Bytes): Bytes | undefined {
    return this.#tx.get(key)?.value;
  }

  /** Whole numbers: what is no number counts as 0. */
  txNumber(key: Bytes): number {
    return wholeNumber(this.#tx.get(key)?.value ?? "");
  }

  setTx(key: Bytes, value: Bytes): void {
    if (this.#tx.size >= TX_VARIABLES_MAX && !this.#tx.has(key)) return;
    const cut = value.length > VARIABLE_BYTES_MAX ? value.slice(0, VARIABLE_BYTES_MAX) : value;
    this.#tx.set(key, new Found("TX", key, this.subject(cut)));
  }

  unsetTx(key: Bytes): void {
    this.#tx.delete(key);
  }

  /** `ip`, `global`, …: from now on `IP:x` is a variable of this record. */
  attach(collection: string, record: RecordValues): void {
    this.#records.set(collection.toUpperCase(), record);
  }

  record(collection: string): RecordValues | undefined {
    return this.#records.get(collection.toUpperCase());
  }

  /** Everything of that name; with a key only that one (TX and records: without a search). */
  of(collection: string, lowerKey: Bytes | undefined): readonly Found[] {
    if (collection === "TX") return this.#txOf(lowerKey);
    if (collection.startsWith("MATCHED_VAR")) return this.#matchedOf(collection);
    const single = this.#single.get(collection);
    if (single !== undefined) return single;
    if (ALWAYS.has(collection)) return this.pool.blank(collection);
    const record = this.#records.get(collection);
    if (record !== undefined) return this.#recordOf(collection, record);
    if (collection === HIGHEST_SEVERITY) return [new Found(collection, undefined, this.subject(String(NO_SEVERITY)))];
    const reading = TIME_VARIABLES.get(collection);
    if (reading !== undefined) return [new Found(collection, undefined, this.subject(reading(this.#times)))];
    return this.list(collection);
  }

  #txOf(lowerKey: Bytes | undefined): readonly Found[] {
    if (lowerKey === undefined) return [...this.#tx.values()];
    const found = this.#tx.get(lowerKey);
    return found === undefined ? NOTHING_FOUND : [found];
  }

  #matchedOf(collection: string): readonly Found[] {
    const last = this.matched.at(-1);
    if (last === undefined) return NOTHING_FOUND;
    if (collection === "MATCHED_VAR") return [new Found(collection, undefined, last.subject)];
    if (collection === "MATCHED_VAR_NAME") return [new Found(collection, undefined, this.subject(last.name))];
    // A copy: matching these adds to them.
    if (collection === "MATCHED_VARS") return [...this.matched];
    return this.matched.map((found) => new Found("MATCHED_VARS_NAMES", found.name, this.subject(found.name)));
  }

  #recordOf(collection: string, record: RecordValues): readonly Found[] {
    return record.entries().map(([key, value]) => new Found(collection, key, this.subject(value)));
  }
}

/** Of query and body together. */
function allArgumentsOf(collection: string): "ARGS" | "ARGS_NAMES" {
  return collection.endsWith("_NAMES") ? "ARGS_NAMES" : "ARGS";
}

/** As C's `atoi` reads it. */
export function wholeNumber(text: Bytes): number {
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) ? 0 : number;
}
