/**
 * What an HTTP source has promised to keep: an append-only log in files, each entry checksummed. Requests that come at the same
 * time share one sync of the disk (group commit): `append` resolves when the entry is durable. Files are removed when all
 * in them is committed. One process at a time uses a directory; whoever opens it sees to that.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { Failure, messageOf } from "../../../../base/errors.ts";
import { decodeHeader, encodeHeader, endOf, FRAME_HEADER_BYTES, type Frame, type Keyed } from "./spool-frame.ts";
import { type KeyFile, KeyWindow, type RememberedKey, writeKeyFile } from "./spool-keys.ts";
import { keyFilePath, keyOf, recoverSpool, segmentPath } from "./spool-recovery.ts";
import { SpoolTraces } from "./spool-traces.ts";

export interface SpoolOptions {
  readonly directory: string;
  /** Idempotency keys that are remembered. */
  readonly keysMax: number;
  readonly segmentBytes?: number;
}

export interface Entry {
  /** NDJSON; ends with a line feed. */
  readonly payload: Uint8Array;
  readonly records: number;
  readonly timeMs: number;
  readonly keyed: Keyed | undefined;
  readonly traceparent?: string | undefined;
}

/** A file is removed as a whole: small enough that little lies there for nothing, large enough that files are few. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Most bytes written before a sync: beyond it waiting for more only makes the first wait longer. */
const GROUP_BYTES_MAX = 16 * 1024 * 1024;

interface Segment {
  readonly base: number;
  readonly path: string;
  end: number;
  readonly keys: RememberedKey[];
  /** Opened when it is read. */
  reader: number | undefined;
}

interface Waiting {
  readonly kind: Frame["kind"];
  readonly payload: Uint8Array;
  readonly records: number;
  readonly value: number;
  readonly keyed: Keyed | undefined;
  readonly traceparent?: string | undefined;
  readonly done: PromiseWithResolvers<number>;
}

const NOTHING = new Uint8Array(0);

export class Spool {
  readonly keys: KeyWindow;
  /** Of what was appended, as long as it is not read. */
  readonly traces = new SpoolTraces();
  readonly #options: SpoolOptions;
  readonly #segments: Segment[] = [];
  #keyFiles: readonly KeyFile[];
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #durable: number;
  #committed: number;
  #file: FileHandle | undefined;
  #working: Promise<void> | undefined;
  #cleaning: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();
  #broken: Failure | undefined;
  #closed = false;

  /** Repairs what a crash has left. Fails with `source.spool_damaged`. */
  constructor(options: SpoolOptions) {
    this.#options = options;
    const { segments, keyFiles, committed } = recoverSpool(options.directory);
    this.keys = new KeyWindow(options.keysMax);
    this.#keyFiles = keyFiles;
    for (const { keys } of [...keyFiles, ...segments]) for (const entry of keys) this.keys.add(entry);
    this.#segments = segments.map((each) => ({ ...each, keys: [...each.keys], reader: undefined }));
    this.#durable = segments.at(-1)?.end ?? 0;
    this.#committed = committed;
  }

  /** The first offset that can still be read. */
  get start(): number {
    return this.#segments[0]?.base ?? this.#durable;
  }

  /** Everything before is on the disk; always between two frames. */
  get durable(): number {
    return this.#durable;
  }

  get committed(): number {
    return this.#committed;
  }

  /** Bytes that are not committed, those being written included. */
  get backlogBytes(): number {
    return this.#durable - this.#committed + this.#waitingBytes;
  }

  /** Resolves with the offset behind the entry when it is durable. Fails with `source.http.storage`. */
  append({ payload, records, timeMs, keyed, traceparent }: Entry): Promise<number> {
    return this.#add({ kind: "records", payload, records, value: timeMs, keyed, traceparent });
  }

  /** Whoever reads over this place ends a batch here. Resolves when that is durable. */
  markCut(): Promise<number> {
    return this.#add({ kind: "cut", payload: NOTHING, records: 0, value: 0, keyed: undefined });
  }

  /** What lies before the offset, a frame's beginning, will not be read again. */
  commit(offset: number): void {
    if (offset <= this.#committed || this.#closed) return;
    this.#committed = offset;
    const mark = { kind: "committed", payload: NOTHING, records: 0, value: offset, keyed: undefined } as const;
    this.#add(mark).catch(() => {}); // the offset is in a checkpoint; this one only spares a run from the beginning the rest
    const cleaned = this.#cleaning.then(() => this.#removeCommitted());
    this.#cleaning = cleaned.catch((thrown: unknown) => {
      this.#break(thrown);
      this.#tellChanged();
    });
  }

  /** Resolves when more has become durable, or at the end; fails when nothing will any more. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** As if something had changed: for whoever waits to look again. */
  wake(): void {
    this.#tellChanged();
  }

  /** The frame that begins at a durable offset. */
  frameAt(offset: number): Frame {
    const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
    this.readAt(offset, header);
    const frame = decodeHeader(header, 0);
    if (frame?.offset === offset) return frame;
    throw new Failure("source.spool_damaged", `the spool ${this.#options.directory} has no entry at offset ${offset}`);
  }

  /** Fills the target with durable bytes; they lie within one frame. */
  readAt(offset: number, target: Uint8Array): void {
    const segment = this.#segments.findLast(({ base }) => base <= offset);
    const bytes = segment ? readFrom(segment, offset - segment.base, target) : 0;
    if (bytes === target.length) return;
    throw new Failure(
      "source.spool_damaged",
      `the spool ${this.#options.directory} ends within the entry at ${offset}`,
    );
  }

  /** What was handed in before is durable, or has failed, when it resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
    await this.#cleaning;
    await this.#file?.close();
    this.#file = undefined;
    for (const segment of this.#segments) if (segment.reader !== undefined) closeSync(segment.reader);
    this.#changed.resolve();
  }

  #add(entry: Omit<Waiting, "done">): Promise<number> {
    if (this.#broken) return Promise.reject(this.#broken);
    if (this.#closed) return Promise.reject(storageFailure(this.#options.directory, "it is closed"));
    const done = Promise.withResolvers<number>();
    this.#waiting.push({ ...entry, done });
    this.#waitingBytes += FRAME_HEADER_BYTES + entry.payload.length;
    this.#working ??= this.#work();
    return done.promise;
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // whoever asks in the same turn shares the first sync
    for (let group = this.#nextGroup(); group.length > 0; group = this.#nextGroup()) {
      try {
        if (this.#broken) throw this.#broken;
        const frames = await this.#write(group);
        for (const [index, frame] of frames.entries()) group[index]!.done.resolve(endOf(frame));
      } catch (thrown) {
        const failure = thrown instanceof Failure ? thrown : storageFailure(this.#options.directory, messageOf(thrown));
        for (const { done } of group) done.reject(failure);
      }
    }
    this.#working = undefined; // in the same turn as the last look: nobody is overlooked
  }

  #nextGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || bytes < GROUP_BYTES_MAX)) {
      bytes += FRAME_HEADER_BYTES + this.#waiting[count++]!.payload.length;
    }
    const group = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return group;
  }

  async #write(group: readonly Waiting[]): Promise<Frame[]> {
    const bytes = group.reduce((sum, { payload }) => sum + FRAME_HEADER_BYTES + payload.length, 0);
    try {
      const { file, segment } = await this.#segmentToWrite();
      const frames = this.#framesOf(group);
      const parts = frames.flatMap((frame, index) => [
        encodeHeader(frame, group[index]!.payload),
        group[index]!.payload,
      ]);
      await this.#writeParts(file, segment, Buffer.concat(parts));
      for (const [index, { offset }] of frames.entries()) this.traces.add(offset, group[index]!.traceparent);
      segment.end += bytes;
      this.#durable += bytes;
      for (const entry of frames.flatMap(keyOf)) this.#remember(segment, entry);
      return frames;
    } finally {
      this.#waitingBytes -= bytes;
      this.#tellChanged();
    }
  }

  #framesOf(group: readonly Waiting[]): Frame[] {
    const durable = this.#durable;
    let offset = durable;
    return group.map(({ kind, payload, records, value, keyed }) => {
      const frame = { kind, offset, durable, payloadBytes: payload.length, records, value, keyed };
      offset = endOf(frame);
      return frame;
    });
  }

  /** What could not be written whole is taken away again; what could not be synced leaves nothing to rely on. */
  async #writeParts(file: FileHandle, segment: Segment, bytes: Buffer): Promise<void> {
    const at = segment.end - segment.base;
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      }
    } catch (thrown) {
      await file.truncate(at).catch((again: unknown) => this.#break(again));
      throw thrown;
    }
    await file.datasync().catch((thrown: unknown) => {
      throw this.#break(thrown);
    });
  }

  async #segmentToWrite(): Promise<{ file: FileHandle; segment: Segment }> {
    const { directory, segmentBytes = SEGMENT_BYTES } = this.#options;
    const last = this.#segments.at(-1);
    if (last && last.end - last.base < segmentBytes) {
      this.#file ??= await open(last.path, "r+");
      return { file: this.#file, segment: last };
    }
    const path = segmentPath(directory, this.#durable);
    const file = await open(path, "w", 0o600);
    await syncDirectory(directory);
    await this.#file?.close();
    this.#file = file;
    const segment = { base: this.#durable, path, end: this.#durable, keys: [], reader: undefined };
    this.#segments.push(segment);
    return { file, segment };
  }

  #remember(segment: Segment, entry: RememberedKey): void {
    segment.keys.push(entry);
    this.keys.add(entry);
  }

  #tellChanged(): void {
    const told = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    this.#changed.promise.catch(() => {}); // who waits for it sees it
    told.resolve();
    if (this.#broken) this.#changed.reject(this.#broken);
  }

  #break(thrown: unknown): Failure {
    this.#broken = storageFailure(this.#options.directory, messageOf(thrown));
    return this.#broken;
  }

  /** The last file stays: it is being written, and says where the log has got to. */
  async #removeCommitted(): Promise<void> {
    const { directory } = this.#options;
    for (;;) {
      const [segment, next] = this.#segments;
      if (segment === undefined || next === undefined || segment.end > this.#committed) break;
      const keys = segment.keys.filter((entry) => this.keys.holds(entry));
      if (keys.length > 0) {
        const path = keyFilePath(directory, segment.base);
        await writeKeyFile(path, keys);
        await syncDirectory(directory);
        this.#keyFiles = [...this.#keyFiles, { path, keys }];
      }
      this.#segments.shift();
      if (segment.reader !== undefined) closeSync(segment.reader);
      await rm(segment.path);
    }
    await this.#forgetKeyFiles();
  }

  async #forgetKeyFiles(): Promise<void> {
    const forgotten = this.#keyFiles.filter(({ keys }) => !keys.some((entry) => this.keys.holds(entry)));
    this.#keyFiles = this.#keyFiles.filter((file) => !forgotten.includes(file));
    for (const { path } of forgotten) await rm(path, { force: true });
  }
}

/** Bytes that were there. */
function readFrom(segment: Segment, at: number, target: Uint8Array): number {
  try {
    segment.reader ??= openSync(segment.path, "r");
    let bytes = 0;
    for (let got = 1; bytes < target.length && got > 0; bytes += got) {
      got = readSync(segment.reader, target, bytes, target.length - bytes, at + bytes);
    }
    return bytes;
  } catch (thrown) {
    throw new Failure("source.spool_damaged", `cannot read ${segment.path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}

function storageFailure(directory: string, reason: string): Failure {
  return new Failure("source.http.storage", `cannot keep records in ${directory}: ${reason}`, { retryable: true });
}
