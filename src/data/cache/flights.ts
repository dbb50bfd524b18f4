/**
 * Loads under way, one for each key: whoever asks meanwhile waits for the same one. An invalidation takes those that it concerns
 * out: they end for who waits already, are kept nowhere, and nobody joins them any more.
 */
import type { Clock } from "../../base/clock.ts";
import type { Entry } from "./entry.ts";
import { FLIGHT_MS_MAX } from "./limits.ts";

export class Flight {
  readonly key: string;
  readonly tags: readonly string[];
  readonly begunMs: number;
  /** Invalidated since it began: what it finds may be older than that. */
  isOutdated = false;
  outcome: Promise<Entry>;

  constructor(key: string, tags: readonly string[], begunMs: number, fly: (flight: Flight) => Promise<Entry>) {
    this.key = key;
    this.tags = tags;
    this.begunMs = begunMs;
    this.outcome = fly(this);
  }
}

export class Flights {
  readonly #clock: Clock;
  /** Those that can be joined. */
  readonly #byKey = new Map<string, Flight>();
  /** All that have not ended, those included that nobody joins any more. */
  readonly #all = new Set<Flight>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One that began with the same tags, not too long ago. */
  find(key: string, tags: readonly string[]): Flight | undefined {
    const flight = this.#byKey.get(key);
    if (!flight || this.#clock.monotonic() - flight.begunMs > FLIGHT_MS_MAX) return undefined;
    return flight.tags.length === tags.length && flight.tags.every((tag, at) => tag === tags[at]) ? flight : undefined;
  }

  /** `fly` is not begun before the flight is known, so that nothing is invalidated behind its back. */
  begin(key: string, tags: readonly string[], fly: (flight: Flight) => Promise<Entry>): Flight {
    const flight = new Flight(key, tags, this.#clock.monotonic(), async (each) => {
      await undefined;
      try {
        return await fly(each);
      } finally {
        this.#all.delete(each);
        if (this.#byKey.get(key) === each) this.#byKey.delete(key);
      }
    });
    this.#all.add(flight);
    this.#byKey.set(key, flight);
    flight.outcome.catch(() => {}); // whoever waits hears of it; of a refresh nobody does
    return flight;
  }

  invalidate({ keys, tags }: { readonly keys: readonly string[]; readonly tags: readonly string[] }): void {
    const wantedKeys = new Set(keys);
    const wantedTags = new Set(tags);
    this.#outdate(({ key, tags: own }) => wantedKeys.has(key) || own.some((tag) => wantedTags.has(tag)));
  }

  clear(): void {
    this.#outdate(() => true);
  }

  #outdate(isMeant: (flight: Flight) => boolean): void {
    for (const flight of this.#all) {
      if (!isMeant(flight)) continue;
      flight.isOutdated = true;
      if (this.#byKey.get(flight.key) === flight) this.#byKey.delete(flight.key);
    }
  }
}
