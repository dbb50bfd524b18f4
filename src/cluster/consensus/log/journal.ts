/**
 * Writes records: what is persisted together is one write and one sync, and counts when that has come back. Then, and only then,
 * the mark of the durable end moves. A sync that fails closes the journal for good: what is on the disk then nobody knows.
 */
import { join } from "node:path";
import type { Clock, Timer } from "../../../base/clock.ts";
import { assert, type Failure } from "../../../base/errors.ts";
import type { Entry, HardState } from "../../../protocol/raft/index.ts";
import { BatchEncoder } from "./encode-batch.ts";
import { closedLog, diskFull, isDiskFull, writeFailed } from "./failures.ts";
import { type LogFiles, replaceFile } from "./files.ts";
import { RELAXED_SYNC_MS } from "./limits.ts";
import { encodeDurableEnd, encodeHardState, HARD_STATE_NAME, MARK_NAME } from "./marks.ts";
import type { Ranges } from "./ranges.ts";
import { placeRecord, type VersionedHardState } from "./record.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { SLOTS_BYTES, type SlotsFile } from "./slots.ts";
import { SyncPolicy } from "./sync-policy.ts";
import type { Durability } from "./types.ts";

export interface JournalParts {
  readonly directory: string;
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly durability: Durability;
  readonly segments: SegmentFiles;
  readonly hardStateSlots: SlotsFile;
  readonly markSlots: SlotsFile;
  readonly ranges: Ranges;
  readonly hardState: VersionedHardState;
  readonly nextBatch: number;
}

interface Change {
  readonly hardState: VersionedHardState;
  readonly entries: readonly Entry[];
  readonly resetTo: number | undefined;
}

export class Journal {
  readonly ranges: Ranges;
  readonly syncs = new SyncPolicy();
  readonly #parts: JournalParts;
  readonly #encoder = new BatchEncoder();
  #hardState: VersionedHardState;
  #nextBatch: number;
  /** A write that has not come back: the next one has to wait for it. */
  #underWay: Promise<void> | undefined;
  #failure: Failure | undefined;
  #isClosed = false;
  /** Relaxed: written, and not synced yet. */
  #timer: Timer | undefined;
  #relaxedSync: Promise<void> | undefined;

  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.ranges = parts.ranges;
    this.#hardState = parts.hardState;
    this.#nextBatch = parts.nextBatch;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** The number of the next record. */
  get nextBatch(): number {
    return this.#nextBatch;
  }

  get hardState(): VersionedHardState {
    return this.#hardState;
  }

  persist(hardState: HardState | undefined, entries: readonly Entry[]): void | Promise<void> {
    this.#checkEntries(entries);
    const next = this.#nextHardState(hardState);
    if (next === this.#hardState && entries.length === 0) return;
    return this.#append({ hardState: next, entries, resetTo: undefined });
  }

  /** Nothing up to and with this index is in the log any more; behind it are these entries alone. */
  async reset(index: number, entries: readonly Entry[] = []): Promise<void> {
    await this.#append({ hardState: this.#hardState, entries, resetTo: index });
  }

  /** The same with what is in force, on fresh segments: what is damaged in the older ones does not matter then. */
  async rewrite(index: number, entries: readonly Entry[]): Promise<void> {
    const change = { hardState: this.#hardState, entries, resetTo: index };
    await this.#start(() => this.#rollAndWrite(this.#encode(change), change));
    await this.#relaxedSync;
    if (this.#timer) await this.#syncRelaxed(); // in any mode: what replaces the old ones is durable before they go
    const { segments } = this.#parts;
    segments.drop((sequence) => sequence < segments.sequence);
    this.#replaceSlots();
  }

  compact(throughIndex: number): void {
    const { segments } = this.#parts;
    for (const each of segments.drop((sequence) => this.ranges.isBehind(sequence, throughIndex)))
      this.ranges.drop(each);
  }

  /** Fails as the disk does, when the relaxed mode has something to sync. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#underWay?.catch(() => {}); // whoever waits for it hears of it
    const { hardStateSlots, markSlots, segments } = this.#parts;
    const isWaiting = this.#timer !== undefined;
    this.#timer?.cancel();
    await this.#relaxedSync;
    if (isWaiting && this.#failure === undefined) await this.#syncRelaxed();
    await segments.close();
    for (const { file } of [hardStateSlots, markSlots]) file.close();
  }

  #nextHardState(hardState: HardState | undefined): VersionedHardState {
    const { term, version, votedFor } = this.#hardState;
    if (hardState === undefined || (hardState.term === term && hardState.votedFor === votedFor)) return this.#hardState;
    return { term: hardState.term, votedFor: hardState.votedFor, version: version + 1 };
  }

  #checkEntries(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const { firstIndex, lastIndex } = this.ranges;
    const isNext = first.index >= firstIndex && first.index <= lastIndex + 1;
    assert(isNext, `entry ${first.index} belongs to a log of ${firstIndex} to ${lastIndex}`);
    for (let at = 1; at < entries.length; at++) {
      assert(
        entries[at]!.index === first.index + at,
        `entry ${entries[at]!.index} stands behind ${first.index + at - 1}`,
      );
    }
  }

  #append(change: Change): void | Promise<void> {
    return this.#start(() => {
      const bytes = this.#encode(change);
      const hasRoom = this.#parts.segments.hasRoom(bytes.length);
      return hasRoom ? this.#write(bytes, change) : this.#rollAndWrite(bytes, change);
    });
  }

  #start(write: () => void | Promise<void>): void | Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#isClosed) throw closedLog(this.#parts.directory, "it is closed");
    assert(!this.#underWay, "the log is written by one at a time");
    const done = write();
    if (!(done instanceof Promise)) return;
    this.#underWay = done.finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  #encode(change: Change): Uint8Array {
    return this.#encoder.encode({ ...change, number: this.#nextBatch });
  }

  async #rollAndWrite(bytes: Uint8Array, change: Change): Promise<void> {
    const { directory, segments } = this.#parts;
    try {
      await this.#relaxedSync;
      if (this.#timer) await this.#syncRelaxed(); // the file that it would sync is left behind
      await segments.roll(bytes.length);
    } catch (thrown) {
      if (this.#failure) throw this.#failure;
      throw isDiskFull(thrown) ? diskFull(directory, bytes.length, thrown) : this.#fail("making a segment of", thrown);
    }
    await this.#write(bytes, change);
  }

  #write(bytes: Uint8Array, change: Change): void | Promise<void> {
    const { durability, hardStateSlots } = this.#parts;
    this.#put(bytes);
    const isVote = change.hardState !== this.#hardState;
    try {
      if (isVote) hardStateSlots.write(encodeHardState(change.hardState));
      if (durability === "relaxed") return this.#syncLater(bytes.length, change);
      if (this.syncs.isAside) return this.#syncAside(bytes.length, change, isVote);
      const beforeMs = this.#parts.clock.monotonic();
      this.#parts.segments.file.sync();
      if (isVote) hardStateSlots.file.sync();
      this.syncs.record(this.#parts.clock.monotonic() - beforeMs);
      this.#count(bytes.length, change);
      this.#mark();
    } catch (thrown) {
      throw this.#fail("syncing", thrown);
    }
  }

  /** Into the page cache. When there is no room (a file system that copies on write), what it has left is wiped, and nothing has changed. */
  #put(bytes: Uint8Array): void {
    const { directory, segments } = this.#parts;
    const { file, offset, salt } = segments;
    placeRecord(bytes, { salt, offset });
    try {
      file.write(bytes, offset);
    } catch (thrown) {
      if (!isDiskFull(thrown)) throw this.#fail("writing", thrown);
      try {
        file.write(new Uint8Array(bytes.length), offset);
      } catch (again) {
        throw this.#fail("taking back a write to", again);
      }
      throw diskFull(directory, bytes.length, thrown);
    }
  }

  async #syncAside(sizeBytes: number, change: Change, isVote: boolean): Promise<void> {
    const { clock, hardStateSlots, segments } = this.#parts;
    try {
      const beforeMs = clock.monotonic();
      await Promise.all([segments.file.syncAside(), isVote ? hardStateSlots.file.syncAside() : undefined]);
      this.syncs.record(clock.monotonic() - beforeMs);
      this.#count(sizeBytes, change);
      this.#mark();
    } catch (thrown) {
      throw this.#fail("syncing", thrown);
    }
  }

  #syncLater(sizeBytes: number, change: Change): void {
    this.#count(sizeBytes, change);
    this.#timer ??= this.#parts.clock.after(RELAXED_SYNC_MS, () => {
      this.#relaxedSync = this.#syncRelaxed()
        .catch(() => {}) // `failure` says it to whoever writes next
        .finally(() => {
          this.#relaxedSync = undefined;
        });
    });
  }

  /** What was written by now. */
  async #syncRelaxed(): Promise<void> {
    const { clock, hardStateSlots, segments } = this.#parts;
    this.#timer?.cancel();
    this.#timer = undefined;
    const end = this.#end;
    try {
      const beforeMs = clock.monotonic();
      await Promise.all([segments.file.syncAside(), hardStateSlots.file.syncAside()]);
      this.syncs.record(clock.monotonic() - beforeMs);
      this.#mark(end);
    } catch (thrown) {
      throw this.#fail("syncing", thrown);
    }
  }

  #count(sizeBytes: number, { entries, hardState, resetTo }: Change): void {
    const { segments } = this.#parts;
    segments.advance(sizeBytes);
    this.#nextBatch += 1;
    this.#hardState = hardState;
    if (resetTo !== undefined) this.ranges.reset(resetTo);
    if (entries.length > 0) this.ranges.append(segments.sequence, entries[0]!.index, entries.length);
  }

  get #end() {
    const { offset, sequence } = this.#parts.segments;
    return { sequence, offset, batch: this.#nextBatch };
  }

  #mark(end = this.#end): void {
    this.#parts.markSlots.write(encodeDurableEnd(end));
  }

  /** The mark names what is durable by now: never before the log is. */
  #replaceSlots(): void {
    const { directory, files, hardStateSlots, markSlots } = this.#parts;
    const put = (name: string) => (content: Uint8Array) => {
      replaceFile(files, directory, name, content);
      return files.open(join(directory, name), "write");
    };
    try {
      hardStateSlots.replace(encodeHardState(this.#hardState), put(HARD_STATE_NAME));
      markSlots.replace(encodeDurableEnd(this.#end), put(MARK_NAME));
    } catch (thrown) {
      throw isDiskFull(thrown) ? diskFull(directory, SLOTS_BYTES, thrown) : this.#fail("replacing a file of", thrown);
    }
  }

  #fail(action: string, thrown: unknown): Failure {
    this.#failure ??= writeFailed(this.#parts.directory, action, thrown);
    return this.#failure;
  }
}
