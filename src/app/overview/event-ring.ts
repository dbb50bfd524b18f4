/**
 * What has happened lately, for people who look: the last few hundred events, each with an id that only grows. Who has seen some asks
 * for those behind the last one. It keeps nothing on disk: logs do that.
 */
import { assert } from "../../base/errors.ts";
import type { EventView } from "../../edge/dashboard/index.ts";

/** As many as a person scrolls through; 500 texts of 300 characters are 150 KiB. */
export const EVENTS_MAX = 500;
/** Reasons may be whole stacks: how they begin is enough here, logs have all of it. */
const TEXT_CHARS_MAX = 300;

export type NewEvent = Omit<EventView, "id" | "atMs">;

export class EventRing {
  readonly #now: () => number;
  readonly #eventsMax: number;
  #events: EventView[] = [];
  #lastId = 0;

  constructor(now: () => number, eventsMax: number = EVENTS_MAX) {
    assert(eventsMax > 0, `a ring of ${eventsMax} events holds nothing`);
    this.#now = now;
    this.#eventsMax = eventsMax;
  }

  get lastId(): number {
    return this.#lastId;
  }

  add({ text, ...event }: NewEvent): void {
    this.#events.push({ ...event, id: ++this.#lastId, atMs: this.#now(), text: cut(text) });
    if (this.#events.length > 2 * this.#eventsMax) this.#events = this.#kept();
  }

  /** Oldest first. An id that was never given is of another life of this node: all are given then. */
  after(id: number): readonly EventView[] {
    const kept = this.#kept();
    return id > this.#lastId ? kept : kept.filter((event) => event.id > id);
  }

  #kept(): EventView[] {
    return this.#events.slice(-this.#eventsMax);
  }
}

function cut(text: string): string {
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX - 1)}…` : text;
}
