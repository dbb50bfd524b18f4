/**
 * Who is told of changes. A change is put into the buffers of those whom it concerns, and each is called afterwards, on its own turn:
 * no listener runs while a command is applied. A listener that returns a promise gets no more until it is kept; one that falls too far
 * behind is cut off with `data.watch_behind`, and has to begin again. No part of the replicated state: each node has its own.
 */
import { Failure, toFailure } from "../../base/errors.ts";
import { type MapEvent, valueBytes } from "../words/index.ts";
import { WATCH_BYTES_MAX, WATCH_EVENTS_MAX, WATCHES_MAX } from "./limits.ts";
import { type EventFilter, matches } from "./reads.ts";

export interface WatchListener {
  /** In order, each once. While a promise of it is not kept, it is not called again. */
  events(events: readonly MapEvent[]): void | Promise<void>;
  /** Nothing more comes: `data.watch_behind`, `data.compacted`, or what `events` threw. */
  ended(failure: Failure): void;
}

/** Runs it soon, behind what is being done. */
export type Defer = (run: () => void) => void;

class Watch {
  readonly filter: EventFilter;
  readonly #listener: WatchListener;
  readonly #defer: Defer;
  readonly #leave: (watch: Watch) => void;
  #waiting: MapEvent[] = [];
  #waitingMax = WATCH_EVENTS_MAX;
  /** Of those that came since. */
  #waitingBytes = 0;
  #isDelivering = false;
  #isOver = false;

  constructor(filter: EventFilter, listener: WatchListener, defer: Defer, leave: (watch: Watch) => void) {
    this.filter = filter;
    this.#listener = listener;
    this.#defer = defer;
    this.#leave = leave;
  }

  /** History at the beginning may be longer than what may wait later. */
  begin(events: readonly MapEvent[]): void {
    if (this.#isOver || events.length === 0) return;
    this.#waiting = this.#waiting.concat(events);
    this.#waitingMax = WATCH_EVENTS_MAX + this.#waiting.length;
    this.#deliverSoon();
  }

  push(event: MapEvent): void {
    if (this.#isOver) return;
    this.#waiting.push(event);
    this.#waitingBytes += valueBytes(event.entry.value);
    if (this.#waiting.length > this.#waitingMax || this.#waitingBytes > WATCH_BYTES_MAX) {
      const what = `a watch has ${this.#waiting.length} events of ${this.#waitingBytes} bytes waiting`;
      const bounds = `at most ${this.#waitingMax} of ${WATCH_BYTES_MAX} bytes are kept for it`;
      return this.end(new Failure("data.watch_behind", `${what}, ${bounds}`, { retryable: true }));
    }
    this.#deliverSoon();
  }

  end(failure: Failure): void {
    if (this.#isOver) return;
    this.close();
    this.#defer(() => this.#listener.ended(failure));
  }

  close(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#leave(this);
  }

  #deliverSoon(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    this.#defer(() => this.#deliver());
  }

  #deliver(): void {
    const events = this.#waiting;
    this.#waiting = [];
    this.#waitingMax = WATCH_EVENTS_MAX;
    this.#waitingBytes = 0;
    if (events.length === 0 || this.#isOver) {
      this.#isDelivering = false;
      return;
    }
    try {
      const kept = this.#listener.events(events);
      if (kept instanceof Promise) kept.then(() => this.#defer(() => this.#deliver()), this.#failed);
      else this.#defer(() => this.#deliver());
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  readonly #failed = (thrown: unknown): void => this.end(toFailure(thrown, "data.watch_failed"));
}

/** Watches of one map, found by what they look for. */
interface Places {
  readonly keys: Map<string, Set<Watch>>;
  readonly others: Set<Watch>;
}

export class Watches {
  readonly #defer: Defer;
  readonly #all = new Set<Watch>();
  readonly #maps = new Map<string, Places>();
  readonly #ofAllMaps = new Set<Watch>();

  constructor(defer: Defer) {
    this.#defer = defer;
  }

  get size(): number {
    return this.#all.size;
  }

  /** `past` comes first. Gives what ends it. */
  add(filter: EventFilter, past: readonly MapEvent[], listener: WatchListener): () => void {
    if (this.#all.size >= WATCHES_MAX) {
      const what = `watching ${filter.map ?? "all maps"}: this node has ${this.#all.size} watches, ${WATCHES_MAX} at most`;
      throw new Failure("data.too_many", what, { retryable: true });
    }
    const watch = new Watch(filter, listener, this.#defer, this.#leave);
    this.#all.add(watch);
    this.#placeOf(filter).add(watch);
    watch.begin(past);
    return () => watch.close();
  }

  /** What has changed now. */
  push(event: MapEvent): void {
    if (this.#all.size === 0) return;
    for (const watch of this.#ofAllMaps) if (matches(watch.filter, event)) watch.push(event);
    const places = this.#maps.get(event.map);
    if (places === undefined) return;
    for (const watch of places.keys.get(event.entry.key) ?? []) watch.push(event);
    for (const watch of places.others) if (matches(watch.filter, event)) watch.push(event);
  }

  /** The state was replaced: each watch goes on with what came between, or ends. */
  resume(pastOf: (filter: EventFilter) => readonly MapEvent[] | Failure): void {
    for (const watch of [...this.#all]) {
      const past = pastOf(watch.filter);
      if (past instanceof Failure) watch.end(past);
      else watch.begin(past);
    }
  }

  #placeOf({ map, key }: EventFilter): Set<Watch> {
    if (map === undefined) return this.#ofAllMaps;
    let places = this.#maps.get(map);
    if (places === undefined) {
      places = { keys: new Map(), others: new Set() };
      this.#maps.set(map, places);
    }
    if (key === undefined) return places.others;
    let place = places.keys.get(key);
    if (place === undefined) {
      place = new Set();
      places.keys.set(key, place);
    }
    return place;
  }

  readonly #leave = (watch: Watch): void => {
    const { map, key } = watch.filter;
    this.#all.delete(watch);
    const place = this.#placeOf(watch.filter);
    place.delete(watch);
    if (place.size > 0 || map === undefined) return;
    const places = this.#maps.get(map)!; // it was placed there
    if (key !== undefined) places.keys.delete(key);
    if (places.keys.size === 0 && places.others.size === 0) this.#maps.delete(map);
  };
}
