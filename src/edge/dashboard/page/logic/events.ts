/** The events that the page has: those of each answer behind those it knew, bounded, forgotten when the node begins a new life. Pure. */
import type { EventView, Overview } from "../../words.ts";

/** As many as a node keeps. */
const EVENTS_MAX = 500;

export interface EventList {
  readonly life: string | undefined;
  readonly events: readonly EventView[];
  /** What to ask for next: behind this one. */
  readonly lastId: number;
}

export const NO_EVENTS: EventList = { life: undefined, events: [], lastId: 0 };

export function withEvents(list: EventList, { events, lastEvent, life }: Overview): EventList {
  const known = list.life === life ? list.events : [];
  const lastKnown = known.at(-1)?.id ?? 0;
  const fresh = events.filter(({ id }) => id > lastKnown);
  if (fresh.length === 0 && list.life === life) return list;
  return { life, events: [...known, ...fresh].slice(-EVENTS_MAX), lastId: lastEvent };
}
