/**
 * The cache of one node: memory, Redis behind it, loads behind both. What it promises is in the README; what carries it is small:
 * an invalidation is carried out here in one turn (memory, loads under way, journal of Redis), and whatever was under way when it came
 * is kept nowhere. Nobody gets what was found by a look or load that began before an invalidation that this node knew when he asked.
 */
import { Histogram } from "../../base/histogram.ts";
import { requireInvalidated, requireQuery } from "./check.ts";
import { answerOf, decodeEntry, type Entry, encodeEntry, failureBytes, isNegative, type StoredEntry } from "./entry.ts";
import { type Flight, Flights } from "./flights.ts";
import { BYTES_MAX_DEFAULT, ENTRIES_MAX_DEFAULT, OPERATION_MS, TTL_JITTER, VALUE_BYTES_MAX } from "./limits.ts";
import { Memory } from "./memory.ts";
import { SharedLayer } from "./shared/layer.ts";
import { keyName, namesOf, tagName } from "./shared/names.ts";
import type { Looked } from "./shared/types.ts";
import type {
  CacheCounts,
  CacheLatency,
  CacheOptions,
  CachePort,
  CacheQuery,
  Invalidated,
  Invalidation,
  Load,
} from "./types.ts";
import { unless } from "./unless.ts";

const NO_TAGS: readonly string[] = [];
/** Copies of one value in memory and Redis end this close to each other: as far apart as two answers of Redis may be. */
const SAME_END_MS = 2 * OPERATION_MS;

export class Cache implements CachePort {
  readonly #options: CacheOptions;
  readonly #memory: Memory;
  readonly #flights: Flights;
  readonly #shared: SharedLayer | undefined;
  readonly #loadLatency = new Histogram();
  readonly #counts = {
    hits: 0,
    negativeHits: 0,
    sharedHits: 0,
    misses: 0,
    joined: 0,
    loads: 0,
    loadFailures: 0,
    refreshes: 0,
    outdated: 0,
    invalidations: 0,
    heard: 0,
  };

  constructor(options: CacheOptions) {
    const { bytesMax = BYTES_MAX_DEFAULT, clock, entriesMax = ENTRIES_MAX_DEFAULT, newId, report, shared } = options;
    this.#options = options;
    this.#memory = new Memory({ bytesMax, entriesMax });
    this.#flights = new Flights(clock);
    this.#shared = shared && new SharedLayer({ store: shared, clock, newId, report });
  }

  /** The first attempt to reach Redis has ended; nobody has to wait for that. */
  async ready(): Promise<void> {
    await this.#shared?.started;
  }

  async get(key: string, load: Load, query: CacheQuery): Promise<Uint8Array> {
    requireQuery(key, query);
    const tags = inOrder(query.tags ?? NO_TAGS);
    const entry = this.#memory.find(key, tags, this.#options.clock.monotonic());
    if (entry) {
      this.#counts.hits++;
      if (entry.isNegative) this.#counts.negativeHits++;
      if (this.#isDueEarly(entry)) this.#refresh(key, tags, load, query, entry);
      return answerOf(entry);
    }
    const under = this.#flights.find(key, tags);
    if (under) this.#counts.joined++;
    const flight = under ?? this.#flights.begin(key, tags, (each) => this.#find(each, load, query));
    return answerOf(await unless(query.signal, flight.outcome));
  }

  async invalidate({ keys = [], tags = [] }: Invalidated): Promise<void> {
    requireInvalidated({ keys, tags });
    this.#counts.invalidations++;
    const invalidation = { id: this.#options.newId(), keys: [...new Set(keys)], tags: [...new Set(tags)] };
    const applied = this.#carryOut(invalidation);
    this.#options.tell?.(invalidation);
    await applied;
  }

  /** An invalidation of another node. Applied to Redis as well: that node may be cut off from it. */
  async hear(invalidation: Invalidation): Promise<void> {
    this.#counts.heard++;
    await this.#carryOut(invalidation);
  }

  /** Others have invalidated more than they can tell: nothing that is kept can be trusted. */
  async forgetAll({ isHereOnly = false }: { readonly isHereOnly?: boolean } = {}): Promise<void> {
    this.#memory.clear();
    this.#flights.clear();
    if (!isHereOnly) await this.#shared?.forgetAll();
  }

  counts(): CacheCounts {
    const { bytes, evicted, size } = this.#memory;
    return { entries: size, bytes, evicted, ...this.#counts, shared: this.#shared?.counts() };
  }

  latency(): CacheLatency {
    return { load: this.#loadLatency, shared: this.#shared?.latency ?? new Histogram() };
  }

  close(): void {
    this.#shared?.close();
  }

  /** In one turn, so that no look or load can begin between its steps. */
  #carryOut(invalidation: Invalidation): Promise<void> | undefined {
    const { id, keys, tags } = invalidation;
    this.#memory.invalidate(invalidation);
    this.#flights.invalidate(invalidation);
    return this.#shared?.invalidate({ id, names: [...keys.map(keyName), ...tags.map(tagName)] });
  }

  /** From Redis, else by a load. `since` is what is to be replaced: Redis has to have something newer. */
  async #find(flight: Flight, load: Load, query: CacheQuery, since?: Entry): Promise<Entry> {
    const names = this.#shared ? namesOf(flight.key, flight.tags) : [];
    const looked = await this.#shared?.look(names[0]!, names); // the key's own name is the first
    const found = looked && !flight.isOutdated ? this.#entryOf(flight, looked, since) : undefined;
    if (found) {
      this.#counts.sharedHits++;
      if (found.isNegative) this.#counts.negativeHits++;
      this.#memory.set(flight.key, found);
      return found;
    }
    this.#counts.misses++;
    const { entry, ttlMs } = await this.#load(flight, load, query);
    if (flight.isOutdated) {
      this.#counts.outdated++;
      return entry;
    }
    this.#memory.set(flight.key, entry);
    if (looked && entry.bytes.length <= VALUE_BYTES_MAX) {
      const bytes = encodeEntry(entry, stampOf(looked));
      this.#shared?.store(looked.generation, names[0]!, names, { bytes, ttlMs });
    }
    return entry;
  }

  #entryOf({ tags }: Flight, looked: Looked, since: Entry | undefined): Entry | undefined {
    const { bytes, ttlMs } = looked;
    const stored = bytes && ttlMs > 0 ? decodeEntry(bytes, stampOf(looked)) : undefined;
    if (!stored) return undefined;
    const endsMs = this.#options.clock.monotonic() + ttlMs;
    const isNewer = since === undefined || endsMs > since.endsMs + SAME_END_MS;
    return isNewer ? { ...stored, tags, endsMs } : undefined;
  }

  async #load({ tags }: Flight, load: Load, { negativeTtlMs, ttlMs: wantedMs }: CacheQuery) {
    const { clock, random } = this.#options;
    const begunMs = clock.monotonic();
    this.#counts.loads++;
    const outcome = await outcomeOf(load, negativeTtlMs !== undefined).catch((thrown) => {
      this.#counts.loadFailures++;
      throw thrown;
    });
    const endedMs = clock.monotonic();
    const loadMs = Math.ceil(endedMs - begunMs);
    this.#loadLatency.record(endedMs - begunMs);
    const fullMs = outcome.isNegative ? negativeTtlMs! : wantedMs; // kept as a failure only where that is given
    const ttlMs = Math.max(1, Math.floor(fullMs * (1 - TTL_JITTER * random.next())));
    const entry: Entry = { ...outcome, loadMs, tags, endsMs: endedMs + ttlMs };
    return { entry, ttlMs };
  }

  /**
   * Of an entry that is asked for often some caller draws a number that says: now, ahead of its end (Vattani, Chierichetti and
   * Lowenstein, "Optimal probabilistic cache stampede prevention", 2015). The longer its load takes, the earlier.
   */
  #isDueEarly({ endsMs, loadMs }: Entry): boolean {
    const leftMs = endsMs - this.#options.clock.monotonic();
    return loadMs * -Math.log(1 - this.#options.random.next()) >= leftMs;
  }

  /** Nobody waits for it: what there is holds until its end. When it fails, the next one tries again. */
  #refresh(key: string, tags: readonly string[], load: Load, query: CacheQuery, since: Entry): void {
    if (this.#flights.find(key, tags)) return;
    this.#counts.refreshes++;
    this.#flights.begin(key, tags, (flight) => this.#find(flight, load, query, since));
  }
}

async function outcomeOf(load: Load, isKept: boolean): Promise<Omit<StoredEntry, "loadMs">> {
  try {
    return { bytes: await load(), isNegative: false };
  } catch (thrown) {
    if (!isKept || !isNegative(thrown)) throw thrown;
    return { bytes: failureBytes(thrown), isNegative: true };
  }
}

function stampOf({ versions }: Looked): string {
  return versions.join(" ");
}

/** The same tags in any order are the same entry. */
function inOrder(tags: readonly string[]): readonly string[] {
  return tags.length < 2 ? tags : [...new Set(tags)].sort();
}
