/** Strong maps: what a group's state machine keeps by key, with revisions, history and watches. */
export type { Change, HistoryBounds } from "./history.ts";
export {
  DELETE_RANGE_MAX,
  HISTORY_BYTES_MAX,
  HISTORY_EVENTS_MAX,
  PAGE_BYTES_MAX,
  PAGE_ENTRIES_MAX,
  WATCH_BYTES_MAX,
  WATCH_EVENTS_MAX,
  WATCHES_MAX,
} from "./limits.ts";
export { type LeaseBook, Maps, type MapsOptions } from "./maps.ts";
export type { EventFilter, EventsPage, EventsQuery, RangePage, RangeQuery } from "./reads.ts";
export { type Defer, Watches, type WatchListener } from "./watches.ts";
