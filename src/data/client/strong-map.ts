/**
 * A map that is the same for everybody. Reads are linearizable unless asked for otherwise; `cas` and `update` change what was read
 * and nothing else; `entries` pages through it as it was at one moment; `watch` goes on over nodes that come and go.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { CallOptions } from "../../wire/rpc/index.ts";
import { toWire } from "../contract/index.ts";
import { type CasReply, type Entry, type MapEvent, prefixEnd, type Value } from "../words/index.ts";
import type { Calls } from "./calls.ts";
import { conflictPause } from "./conflict.ts";
import { entryFrom, eventFrom, optionalEntry } from "./entry.ts";
import { JsonMap } from "./json-map.ts";
import { POLL_MS, SILENCE_MS_MAX, TRANSACTION_MS_DEFAULT } from "./limits.ts";
import type { CountOptions, Expectation, PutOptions, RangeOptions, ReadOptions, WatchOptions } from "./map-options.ts";

export interface MapPorts {
  readonly clock: Clock;
  readonly random: Random;
}

export class StrongMap {
  readonly name: string;
  readonly group: string;
  readonly #calls: Pick<Calls, "map">;
  readonly #ports: MapPorts;

  constructor(name: string, group: string, calls: Pick<Calls, "map">, ports: MapPorts) {
    this.name = name;
    this.group = group;
    this.#calls = calls;
    this.#ports = ports;
  }

  /** Values as JSON; `T` is what whoever put them there promises. */
  json<T>(): JsonMap<T> {
    return new JsonMap<T>(this);
  }

  async get(key: string, options: ReadOptions = {}): Promise<Entry | undefined> {
    const { consistency, ...call } = options;
    const { entry } = await this.#calls.map.get({ ...this.#where(), key, consistency }, call);
    return optionalEntry(entry);
  }

  /** Gives the revision of the change. */
  async put(key: string, value: Value, { lease, ...call }: PutOptions = {}): Promise<number> {
    const input = { ...this.#where(), key, value: toWire(value), ...(lease !== undefined && { lease }) };
    return (await this.#calls.map.put(input, call)).revision;
  }

  /** Was it there? */
  async delete(key: string, options?: CallOptions): Promise<boolean> {
    const { deleted, previous } = await this.#calls.map.delete({ ...this.#where(), key }, options);
    return previous !== undefined || (deleted ?? 0) > 0;
  }

  /** Compare and swap; `value` undefined deletes. */
  async cas(
    key: string,
    expect: Expectation,
    value: Value | undefined,
    { lease, ...call }: PutOptions = {},
  ): Promise<CasReply> {
    const expected = "value" in expect ? { value: toWire(expect.value) } : expect;
    const changed = { ...(value !== undefined && { value: toWire(value) }), ...(lease !== undefined && { lease }) };
    const { current, revision, swapped } = await this.#calls.map.cas(
      { ...this.#where(), key, expect: expected, ...changed },
      call,
    );
    return swapped ? { swapped, revision } : { swapped, revision, current: optionalEntry(current) };
  }

  /**
   * Reads, has `change` say what it shall be (undefined deletes), and writes that if nobody was faster; else again, until the
   * time is over (`data.conflict`). `change` may be called several times.
   */
  async update(
    key: string,
    change: (entry: Entry | undefined) => Value | undefined | Promise<Value | undefined>,
    { timeoutMs = TRANSACTION_MS_DEFAULT, ...call }: CallOptions = {},
  ): Promise<number> {
    const deadlineMs = this.#ports.clock.monotonic() + timeoutMs;
    const leftMs = (): number => Math.max(0, deadlineMs - this.#ports.clock.monotonic());
    for (let tries = 0; ; tries++) {
      const entry = await this.get(key, { ...call, timeoutMs: leftMs() });
      const value = await change(entry);
      if (value === undefined && !entry) return 0;
      const expect = entry ? { revision: entry.revision } : ({ absent: true } as const);
      const { revision, swapped } = await this.cas(key, expect, value, { ...call, timeoutMs: leftMs() });
      if (swapped) return revision;
      if (await conflictPause(this.#ports, { tries, deadlineMs, signal: call.signal })) continue;
      const message = `map ${this.name}: key ${JSON.stringify(key)} was changed by others ${tries + 1} times within ${Math.round(timeoutMs)} ms`;
      throw new Failure("data.conflict", message, { retryable: true });
    }
  }

  /** All of a range in the order of keys, as it was at the first page's moment. */
  async *entries({ keysOnly, limit, ...options }: RangeOptions = {}): AsyncGenerator<Entry, void, void> {
    const { consistency, prefix, from, after: start, end, ...call } = options;
    const range = { ...given({ prefix, from, end, keysOnly, limit, consistency }) };
    let after = start;
    let revision: number | undefined;
    for (;;) {
      const page = await this.#calls.map.range({ ...this.#where(), ...range, ...given({ after, revision }) }, call);
      for (const entry of page.entries) yield entryFrom(entry);
      if (!page.more) return;
      revision = page.revision;
      after = page.entries.at(-1)?.key ?? after;
    }
  }

  /** How many keys a range has, without asking for them. */
  async count(options: CountOptions = {}): Promise<number> {
    const { consistency, end, from, prefix, ...call } = options;
    const range = given({ consistency, end, from, prefix });
    return (await this.#calls.map.range({ ...this.#where(), ...range, countOnly: true }, call)).count ?? 0;
  }

  /** Takes away all keys that begin with it, at once. */
  async deletePrefix(
    prefix: string,
    options?: CallOptions,
  ): Promise<{ readonly revision: number; readonly deleted: number }> {
    const range = { ...this.#where(), key: prefix, ...given({ end: prefixEnd(prefix) }) };
    const { deleted = 0, revision } = await this.#calls.map.deleteRange(range, options);
    return { revision, deleted };
  }

  /** Every change in order, each once, until the signal aborts. Fails with `data.compacted` when what it needs is forgotten. */
  async *watch({
    from,
    key,
    prefix,
    signal,
    silenceMs = SILENCE_MS_MAX,
  }: WatchOptions = {}): AsyncGenerator<MapEvent, void, void> {
    const what = { ...this.#where(), ...given({ key, prefix }) };
    const call = { timeoutMs: POLL_MS + silenceMs, ...(signal && { signal }) };
    let next = from ?? (await this.#calls.map.watch({ ...what, waitMs: 0 }, call)).next;
    while (!signal?.aborted) {
      try {
        const page = await this.#calls.map.watch({ ...what, from: next, waitMs: POLL_MS }, call);
        for (const event of page.events) yield eventFrom(event);
        next = page.next;
      } catch (thrown) {
        if (signal?.aborted) return;
        throw thrown;
      }
    }
  }

  #where(): { readonly group: string; readonly map: string } {
    return { group: this.group, map: this.name };
  }
}

/** Without the fields that are undefined: a strict schema takes none. */
function given<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  }; // the same fields, fewer of them
}
