/**
 * Summaries of dead-letter files, for who asks every second: a file that is as it was is not read again, and one that grows all the
 * time is read seldom, the seldomer the longer that takes.
 */
import { statSync } from "node:fs";
import { LRUCache } from "lru-cache";
import type { Clock } from "../../base/clock.ts";
import { type DeadLetterSummary, summariseDeadLetters } from "../../work/pipeline/dead-letter/index.ts";

/** More pipelines than anybody looks at. */
const FILES_MAX = 500;
/** Reading takes at most a twentieth of the time. */
const PAUSE_FACTOR = 20;

interface Read {
  readonly mark: string;
  readonly summary: DeadLetterSummary;
  readonly notBeforeMs: number;
}

export class Summaries {
  readonly #clock: Clock;
  readonly #read = new LRUCache<string, Read>({ max: FILES_MAX });
  readonly #reading = new Map<string, Promise<DeadLetterSummary>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** May be a little old while the file grows. */
  async of(file: string): Promise<DeadLetterSummary> {
    const known = this.#read.get(file);
    if (known && (known.mark === markOf(file) || this.#clock.monotonic() < known.notBeforeMs)) return known.summary;
    const reading = this.#reading.get(file) ?? this.#readNow(file);
    this.#reading.set(file, reading);
    return reading;
  }

  /** It was changed on purpose: the next one reads. */
  forget(file: string): void {
    this.#read.delete(file);
  }

  async #readNow(file: string): Promise<DeadLetterSummary> {
    const begunMs = this.#clock.monotonic();
    try {
      const mark = markOf(file);
      const summary = await summariseDeadLetters(file);
      const endedMs = this.#clock.monotonic();
      this.#read.set(file, { mark, summary, notBeforeMs: endedMs + PAUSE_FACTOR * (endedMs - begunMs) });
      return summary;
    } finally {
      this.#reading.delete(file);
    }
  }
}

function markOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats ? `${stats.ino} ${stats.size} ${stats.mtimeMs}` : "gone";
}
