/**
 * Grouping rows into tumbling windows. A row has a position: its number (windows by count), its event time (windows by time), or
 * always 0 (one window for the whole input). Windows behind the watermark close and give summaries. What a row does depends on
 * the rows before it only, never on where batches were cut. A batch is assigned to groups first and counted after: when the
 * assignment fails, or the engine only probes, everything is put back, so that a retry starts from the same state.
 */
import type { Batch } from "distributed-system";
import { accumulate, newTrackers, type Plan, restoreTrackers } from "./aggregates.ts";
import { decodeKey, encodeKey, type Key, keyAt } from "./keys.ts";
import { type KeyedGroup, Window } from "./window.ts";

export interface AggregatorOptions {
  readonly plan: Plan;
  readonly groupBy: readonly string[];
  /** What a position is, and how many of them a window spans; for `all` the size is Infinity. */
  readonly by: "count" | "time" | "all";
  readonly size: number;
  /** How far behind the greatest time seen a row may come. */
  readonly latenessMs: number;
  readonly groupsMax: number;
  /** A row that needs a group beyond the bound: throw, or refuse the row and go on. */
  readonly onFull: "fail" | "reject";
}

/** Reads event times of the batch at hand; NaN where a row has none. */
export type TimeAt = (row: number) => number;

export interface Outcome {
  /** Windows that closed, in order of start. */
  readonly closed: readonly Window[];
  /** Rows whose window has closed already, and rows without a time. */
  readonly late: readonly number[];
  /** Rows that would have opened a group too many. */
  readonly refused: readonly number[];
}

/** The same while it is being filled, with the group of each row. */
interface Assignment {
  readonly groups: (KeyedGroup | undefined)[];
  readonly closed: Window[];
  readonly late: number[];
  readonly refused: number[];
}

export interface AggregatorState {
  readonly config: string;
  readonly position: number;
  /** null before the first row. */
  readonly watermark: number | null;
  readonly windows: readonly {
    start: number;
    groups: readonly { keys: string[]; rows: number; trackers: unknown[] }[];
  }[];
}

interface Saved {
  readonly windows: Map<number, Window>;
  readonly position: number;
  readonly watermark: number;
  readonly openGroups: number;
}

export function tooManyGroups(groupsMax: number): string {
  return (
    `a record opens group number ${groupsMax + 1} of all open windows; at most ${groupsMax} are allowed: raise max_groups, ` +
    "group by fields with fewer values, or make windows shorter"
  );
}

export class Aggregator {
  readonly #options: AggregatorOptions;
  #windows = new Map<number, Window>();
  #position = 0;
  #watermark = Number.NEGATIVE_INFINITY;
  #openGroups = 0;
  #nextEnd = Number.POSITIVE_INFINITY;
  /** Groups that each window had before this batch, for those that got new ones. */
  readonly #grown = new Map<Window, number>();

  constructor(options: AggregatorOptions) {
    this.#options = options;
  }

  get openGroups(): number {
    return this.#openGroups;
  }

  /** Takes all live rows in. With `probe` nothing changes, but what would fail fails. */
  add(batch: Batch, timeAt: TimeAt): Outcome {
    const saved = this.#save();
    const into: Assignment = { groups: new Array(batch.length).fill(undefined), closed: [], late: [], refused: [] };
    try {
      this.#assign(batch, timeAt, into);
    } catch (error) {
      this.#putBack(saved);
      throw error;
    }
    if (batch.probe) this.#putBack(saved);
    else accumulate(this.#options.plan, batch, into.groups);
    return { closed: batch.probe ? [] : into.closed, late: into.late, refused: into.refused };
  }

  /** The windows still open, for the end of the input. They stay as they are: the end may be replayed. */
  open(): readonly Window[] {
    return [...this.#windows.values()].sort((a, b) => a.start - b.start);
  }

  #assign(batch: Batch, timeAt: TimeAt, into: Assignment): void {
    const columns = this.#options.groupBy.map((field) => batch.column(field));
    const keys: Key[] = new Array(columns.length);
    let window: Window | undefined;
    for (let row = 0; row < batch.length; row++) {
      if (!batch.isLive(row)) continue;
      const position = this.#positionOf(row, timeAt);
      const start = this.#startOf(position);
      if (!(start + this.#options.size > this.#watermark)) {
        into.late.push(row); // NaN comes here too
        continue;
      }
      if (window === undefined || window.start !== start) window = this.#window(start);
      for (let at = 0; at < columns.length; at++) keys[at] = keyAt(columns[at], row);
      const group = window.find(keys) ?? this.#newGroup(window, keys);
      if (group === undefined) into.refused.push(row);
      else into.groups[row] = group;
      this.#advance(position);
      if (this.#watermark >= this.#nextEnd) {
        into.closed.push(...this.#closeBehindWatermark());
        window = undefined;
      }
    }
  }

  #positionOf(row: number, timeAt: TimeAt): number {
    if (this.#options.by === "time") return timeAt(row);
    return this.#options.by === "count" ? this.#position++ : 0;
  }

  #startOf(position: number): number {
    const { by, size } = this.#options;
    return by === "all" ? 0 : Math.floor(position / size) * size;
  }

  #advance(position: number): void {
    const { by, latenessMs } = this.#options;
    if (by === "time") this.#watermark = Math.max(this.#watermark, position - latenessMs);
    else if (by === "count") this.#watermark = position + 1;
  }

  #window(start: number): Window {
    const open = this.#windows.get(start);
    if (open !== undefined) return open;
    const window = new Window(start);
    this.#windows.set(start, window);
    this.#nextEnd = Math.min(this.#nextEnd, start + this.#options.size);
    return window;
  }

  #newGroup(window: Window, keys: readonly Key[]): KeyedGroup | undefined {
    const { groupsMax, onFull, plan } = this.#options;
    if (this.#openGroups >= groupsMax) {
      if (onFull === "reject") return undefined;
      throw new Error(tooManyGroups(groupsMax));
    }
    this.#openGroups++;
    if (!this.#grown.has(window)) this.#grown.set(window, window.groups.length);
    const group: KeyedGroup = { keys: [...keys], rows: 0, trackers: newTrackers(plan) };
    window.add(group);
    return group;
  }

  #closeBehindWatermark(): Window[] {
    const { size } = this.#options;
    const closing = [...this.#windows.values()].filter(({ start }) => start + size <= this.#watermark);
    for (const window of closing) {
      this.#windows.delete(window.start);
      this.#openGroups -= window.groups.length;
    }
    this.#nextEnd = this.#firstEnd();
    return closing.sort((a, b) => a.start - b.start);
  }

  #firstEnd(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const start of this.#windows.keys()) first = Math.min(first, start + this.#options.size);
    return first;
  }

  #save(): Saved {
    this.#grown.clear();
    const windows = new Map(this.#windows);
    return { windows, position: this.#position, watermark: this.#watermark, openGroups: this.#openGroups };
  }

  #putBack(saved: Saved): void {
    this.#windows = saved.windows;
    this.#position = saved.position;
    this.#watermark = saved.watermark;
    this.#openGroups = saved.openGroups;
    this.#nextEnd = this.#firstEnd();
    for (const [window, length] of this.#grown) window.truncate(length);
  }

  /** Everything that the next batch depends on, as JSON. */
  snapshot(): AggregatorState {
    return {
      config: this.#config(),
      position: this.#position,
      watermark: Number.isFinite(this.#watermark) ? this.#watermark : null,
      windows: Array.from(this.#windows.values(), ({ start, groups }) => ({
        start,
        groups: groups.map(({ keys, rows, trackers }) => ({
          keys: keys.map(encodeKey),
          rows,
          trackers: trackers.map((tracker) => tracker.snapshot()),
        })),
      })),
    };
  }

  restore(state: AggregatorState): void {
    if (state.config !== this.#config()) {
      throw new Error(
        `the checkpoint holds groups made with ${state.config}, this stage has ${this.#config()}; ` +
          "start over (--fresh) after changing grouping, windows or aggregates",
      );
    }
    this.#position = state.position;
    this.#watermark = state.watermark ?? Number.NEGATIVE_INFINITY;
    this.#windows = new Map(state.windows.map((each) => [each.start, this.#restoreWindow(each)]));
    this.#openGroups = state.windows.reduce((sum, { groups }) => sum + groups.length, 0);
    this.#nextEnd = this.#firstEnd();
  }

  #restoreWindow({ start, groups }: AggregatorState["windows"][number]): Window {
    const window = new Window(start);
    for (const { keys, rows, trackers } of groups) {
      window.add({ keys: keys.map(decodeKey), rows, trackers: restoreTrackers(this.#options.plan, trackers) });
    }
    return window;
  }

  #config(): string {
    const { plan, groupBy, by, size, latenessMs } = this.#options;
    return JSON.stringify([groupBy, plan.aggregates.map(({ name }) => name), by, by === "all" ? 0 : size, latenessMs]);
  }
}
