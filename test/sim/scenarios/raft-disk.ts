/**
 * The durable log of a simulated Raft node: records with length and checksum in one file, the hard state in another as well,
 * snapshots by replacement. A torn end is cut off; what was synced and is not valid any more is damage, and remembered until it is
 * repaired. Where the synced bytes end is known from outside (`DurableEnd`), as a real log knows it from a marker file.
 */
import { assert } from "../../../src/base/errors.ts";
import type { Configuration, DurableState, Entry, HardState, SnapshotInfo } from "../../../src/protocol/raft/index.ts";
import { type Disk, textTag } from "../world/index.ts";
import { decodeRecords, encodeRecord, type LogRecord } from "./raft-records.ts";

/** How many bytes of the log were synced, in any of the node's lives. */
export interface DurableEnd {
  bytes: number;
}

/** Bugs that can be planted, where the log has the right thing. */
export interface DiskRules {
  readonly syncsHardState: boolean;
  readonly syncsEntries: boolean;
  /** What a crash has left behind the last whole record is cut off before anything is written there. */
  readonly cutsTornEnd: boolean;
  readonly seesDamage: boolean;
  /** Entries behind a snapshot stay when the log is rewritten. */
  readonly keepsTail: boolean;
}

export const DISK_RULES: DiskRules = {
  syncsHardState: true,
  syncsEntries: true,
  cutsTornEnd: true,
  seesDamage: true,
  keepsTail: true,
};

const [LOG, HARD, SNAPSHOT, INCOMING, DAMAGED] = ["log", "hard", "snapshot", "incoming", "damaged"] as const;
const NOTHING = new Uint8Array(0);
const START: HardState = { term: 0, votedFor: undefined };

export interface Recovered {
  readonly durable: DurableState;
  /** Of the snapshot. */
  readonly image: Uint8Array | undefined;
}

interface Base {
  readonly index: number;
  readonly term: number;
}

export class RaftDisk {
  readonly #disk: Disk;
  readonly #end: DurableEnd;
  readonly #rules: DiskRules;
  #hardState: HardState = START;
  #base: Base = { index: 0, term: 0 };
  #entries: Entry[] = [];
  #logBytes = 0;

  constructor(disk: Disk, end: DurableEnd, rules: DiskRules) {
    this.#disk = disk;
    this.#end = end;
    this.#rules = rules;
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  recover(configuration: Configuration | undefined): Recovered {
    const isLogDamaged = this.#readLog();
    const hard = decodeRecords(this.#disk.read(HARD) ?? NOTHING).records.at(-1);
    if (hard?.hardState !== undefined) this.#hardState = newer(this.#hardState, hard.hardState);
    // Either file may have it alone after a crash, and be the one that is damaged next.
    if (this.#hardState !== START) this.#replace(HARD, encodeRecord({ hardState: this.#hardState, entries: [] }));
    const snapshot = this.readSnapshot();
    const isSnapshotLost = snapshot === undefined && (this.#disk.read(SNAPSHOT) !== undefined || this.#base.index > 0);
    if (isSnapshotLost) this.#restart({ index: 0, term: 0 });
    else if (snapshot !== undefined) this.#startBehind(snapshot.info);
    const isDamaged = (isLogDamaged || isSnapshotLost) && this.#rules.seesDamage;
    if (isDamaged) this.#replace(DAMAGED, new Uint8Array(1));
    if (isSnapshotLost) this.#disk.remove(SNAPSHOT);
    this.#disk.sync(SNAPSHOT);
    if (this.#rules.cutsTornEnd) this.#rewrite();
    else this.#logBytes = this.#disk.read(LOG)?.length ?? 0;
    const received = this.received();
    const durable: DurableState = {
      hardState: this.#hardState,
      snapshot: snapshot?.info,
      entries: this.#entries.slice(),
      isDamaged: isDamaged || this.#disk.read(DAMAGED) !== undefined,
      configuration,
      receiving: received && { snapshot: received.snapshot, offset: received.image.length },
    };
    return { durable, image: snapshot?.image };
  }

  /** The function that is returned ends the sync. */
  persist(hardState: HardState | undefined, entries: readonly Entry[]): () => void {
    if (hardState !== undefined) this.#hardState = hardState;
    if (entries.length > 0) this.#place(entries);
    const bytes = encodeRecord({ hardState, entries });
    this.#disk.append(LOG, bytes);
    this.#logBytes += bytes.length;
    const logBytes = this.#logBytes;
    if (hardState !== undefined) this.#disk.replace(HARD, encodeRecord({ hardState, entries: [] }));
    const { syncsHardState, syncsEntries } = this.#rules;
    const isSynced = entries.length > 0 ? syncsEntries : syncsHardState;
    const hard = hardState !== undefined && isSynced ? this.#disk.beginSync(HARD) : undefined;
    const log = isSynced ? this.#disk.beginSync(LOG) : undefined;
    return () => {
      hard?.();
      log?.();
      if (isSynced) this.#end.bytes = logBytes;
    };
  }

  /** The function that is returned ends the sync; before that a crash may leave the snapshot before it. */
  saveSnapshot(info: SnapshotInfo, image: Uint8Array): () => void {
    this.#disk.replace(SNAPSHOT, encodeRecord({ snapshot: info, image, entries: [] }));
    return this.#disk.beginSync(SNAPSHOT);
  }

  readSnapshot(): { readonly info: SnapshotInfo; readonly image: Uint8Array } | undefined {
    const [found] = decodeRecords(this.#disk.read(SNAPSHOT) ?? NOTHING).records;
    if (found?.snapshot === undefined) return undefined;
    return { info: found.snapshot, image: found.image! };
  }

  /** Drops what the snapshot covers. Nothing else may be on its way to the log's file. */
  compact(info: SnapshotInfo): void {
    this.#startBehind(info);
    if (!this.#rules.keepsTail) this.#restart(info);
    this.#rewrite();
  }

  /** The whole snapshot of another node has taken the place of everything. */
  reset(info: SnapshotInfo): void {
    this.#restart(info);
    this.#rewrite();
  }

  /** A piece of a snapshot that is being received, each a record. */
  storePiece(snapshot: SnapshotInfo, offset: number, image: Uint8Array): () => void {
    const record = encodeRecord({ snapshot, offset, image, entries: [] });
    if (offset === 0) this.#disk.replace(INCOMING, record);
    else this.#disk.append(INCOMING, record);
    return this.#disk.beginSync(INCOMING);
  }

  /** What has come in of the snapshot that came last, without gaps. */
  received(): { readonly snapshot: SnapshotInfo; readonly image: Uint8Array } | undefined {
    let found: { snapshot: SnapshotInfo; image: Uint8Array } | undefined;
    for (const { snapshot, offset, image } of decodeRecords(this.#disk.read(INCOMING) ?? NOTHING).records) {
      const isNext = found !== undefined && found.snapshot.checksum === snapshot!.checksum;
      if (offset === 0) found = { snapshot: snapshot!, image: image! };
      else if (isNext && offset! <= found!.image.length) {
        found!.image = Buffer.concat([found!.image.subarray(0, offset), image!]);
      }
    }
    return found;
  }

  /** All that has come in, if it is what it should be. */
  incoming(info: SnapshotInfo): Uint8Array | undefined {
    const image = this.received()?.image;
    return image?.length === info.sizeBytes && imageChecksum(image) === info.checksum ? image : undefined;
  }

  markRepaired(): void {
    this.#disk.remove(DAMAGED);
    this.#disk.sync(DAMAGED);
  }

  /** Whether something that was synced is not valid any more. */
  #readLog(): boolean {
    const bytes = this.#disk.read(LOG) ?? NOTHING;
    const { records, validBytes } = decodeRecords(bytes);
    for (const record of records) this.#replay(record);
    return validBytes < this.#end.bytes;
  }

  #replay(record: LogRecord): void {
    if (record.hardState !== undefined) this.#hardState = newer(this.#hardState, record.hardState);
    if (record.base !== undefined) this.#restart(record.base);
    if (record.entries.length > 0) this.#place(record.entries);
  }

  #place(entries: readonly Entry[]): void {
    const at = entries[0]!.index - this.#base.index - 1;
    assert(at >= 0 && at <= this.#entries.length, `entry ${entries[0]!.index} does not follow the log`);
    this.#entries.length = at;
    this.#entries.push(...entries);
  }

  #restart(base: Base): void {
    this.#base = { index: base.index, term: base.term };
    this.#entries = [];
  }

  /** Entries behind the snapshot are kept when they follow it. */
  #startBehind(info: SnapshotInfo): void {
    const at = info.index - this.#base.index;
    const term = at === 0 ? this.#base.term : this.#entries[at - 1]?.term;
    const kept = term === info.term ? this.#entries.slice(at) : [];
    this.#restart(info);
    this.#entries = kept;
  }

  #rewrite(): void {
    const { index, term } = this.#base;
    const bytes = encodeRecord({ hardState: this.#hardState, base: { index, term }, entries: this.#entries });
    this.#replace(LOG, bytes);
    this.#logBytes = bytes.length;
    this.#end.bytes = bytes.length;
  }

  #replace(name: string, bytes: Uint8Array): void {
    this.#disk.replace(name, bytes);
    this.#disk.sync(name);
  }
}

/** A node's vote of a term is given once: the state that has it is the newer one. */
function newer(left: HardState, right: HardState): HardState {
  if (left.term !== right.term) return left.term > right.term ? left : right;
  return left.votedFor === undefined ? right : left;
}

export function imageChecksum(image: Uint8Array): string {
  return (textTag(new TextDecoder("latin1").decode(image)) >>> 0).toString(16);
}

/** Bit rot or a lost end, of a node that is down: in its log or in its snapshot. */
export function damageDisk(disk: Disk, chance: (bound: number) => number): string | undefined {
  const name = chance(4) === 0 ? SNAPSHOT : LOG;
  const bytes = disk.read(name);
  if (bytes === undefined || bytes.length === 0) return undefined;
  const at = chance(bytes.length);
  const isCut = chance(3) === 0;
  if (!isCut) bytes[at]! ^= 1 << chance(8);
  disk.replace(name, isCut ? bytes.subarray(0, at) : bytes);
  disk.sync(name);
  return isCut ? `${name} cut at ${at}` : `a bit flipped in ${name} at ${at}`;
}
