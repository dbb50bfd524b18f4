/**
 * The snapshots of the state machine: one in force, one that may be on its way in, and older ones as long as somebody may be reading
 * them. A snapshot is in force when its file has its name, and gets that when all of it is durable and checked.
 */
import { join } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { type DurableState, isSameSnapshot, type SnapshotInfo } from "../../../protocol/raft/index.ts";
import { noSuchSnapshot } from "./failures.ts";
import { SNAPSHOT_BLOCK_BYTES, SNAPSHOT_UNREAD_MS, SNAPSHOTS_OLDER_MAX } from "./limits.ts";
import { readBlocks, readBlocksAtOnce } from "./snapshot-file.ts";
import type { SnapshotHeader } from "./snapshot-format.ts";
import { snapshotName } from "./snapshot-format.ts";
import type { SnapshotPlace, SnapshotPorts } from "./snapshot-ports.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";

interface Kept {
  readonly header: SnapshotHeader;
  readMs: number;
}

export class SnapshotStore {
  readonly #ports: SnapshotPorts;
  #current: Kept | undefined;
  /** The newest first. */
  #older: Kept[] = [];
  readonly #receiver: SnapshotReceiver;
  #isCurrentDamaged = false;
  #taken = 0;

  private constructor(ports: SnapshotPorts, current: SnapshotHeader | undefined, receiver: SnapshotReceiver) {
    this.#ports = ports;
    this.#current = current && { header: current, readMs: ports.clock.monotonic() };
    this.#receiver = receiver;
  }

  static async open(ports: SnapshotPorts, current: SnapshotHeader | undefined): Promise<SnapshotStore> {
    return new SnapshotStore(ports, current, await SnapshotReceiver.open(ports));
  }

  get current(): SnapshotInfo | undefined {
    return this.#current?.header.info;
  }

  get currentHeader(): SnapshotHeader | undefined {
    return this.#current?.header;
  }

  /** It is not what was written any more: one of the same index may take its place. */
  distrustCurrent(): void {
    this.#isCurrentDamaged = true;
  }

  /** Aside; several event loop turns. What is in force already at this index is given back as it is. */
  async take(place: SnapshotPlace, pieces: Iterable<Uint8Array>, signal?: AbortSignal): Promise<SnapshotInfo> {
    this.#refuseOlder(place.index);
    if (this.current?.index === place.index && !this.#isCurrentDamaged) return this.current;
    const writer = new SnapshotWriter(this.#ports, `taking-${++this.#taken}.tmp`);
    try {
      for (const piece of pieces) {
        signal?.throwIfAborted();
        await writer.write(piece);
      }
      const header = await writer.complete(place);
      signal?.throwIfAborted();
      this.#refuseOlder(place.index);
      this.#putInForce(writer.name, header);
      return header.info;
    } catch (thrown) {
      writer.discard();
      throw thrown;
    }
  }

  /** One that was being received, and how much of it is here: pieces go on from there. */
  get receiving(): DurableState["receiving"] {
    const { arriving } = this.#receiver;
    return arriving && arriving.snapshot.index > (this.current?.index ?? 0) ? arriving : undefined;
  }

  /** Durable when it resolves. Another snapshot than the one before begins anew. */
  store(info: SnapshotInfo, offset: number, data: Uint8Array): Promise<void> {
    return this.#receiver.store(info, offset, data);
  }

  /**
   * Checks all that was received and puts it in force: with the same step, records before `fromBatch` hold no entries any more. Fails
   * with `raft.log.bad_snapshot`; then it is gone.
   */
  async install(info: SnapshotInfo, fromBatch: number): Promise<void> {
    this.#refuseOlder(info.index);
    const header = await this.#receiver.complete(info, fromBatch);
    this.#putInForce(this.#receiver.name, header);
    this.#receiver.forget();
  }

  /** Up to `sizeBytesMax` bytes. Fails with `raft.log.no_snapshot` or `raft.log.bad_snapshot`. */
  async read(info: SnapshotInfo, offset: number, sizeBytesMax: number): Promise<Uint8Array> {
    const { directory, files } = this.#ports;
    const path = join(directory, snapshotName(info));
    const { header } = this.#kept(info);
    const size = Math.max(0, Math.min(sizeBytesMax, info.sizeBytes - offset));
    const first = Math.floor(offset / SNAPSHOT_BLOCK_BYTES);
    const blocks = await readBlocks(files, path, header, first, Math.ceil((offset + size) / SNAPSHOT_BLOCK_BYTES));
    const skip = offset - first * SNAPSHOT_BLOCK_BYTES;
    return blocks.subarray(skip, skip + size);
  }

  /** All of it, block by block. */
  readAll(info: SnapshotInfo): Iterable<Uint8Array> {
    const { directory, files } = this.#ports;
    return readBlocksAtOnce(files, join(directory, snapshotName(info)), this.#kept(info).header);
  }

  close(): void {
    this.#receiver.close();
  }

  #refuseOlder(index: number): void {
    const current = this.current?.index ?? 0;
    if (index >= current) return;
    const message = `putting a snapshot at ${index} in force: one at ${current} is there already, a newer one is required`;
    throw new Failure("raft.log.older_snapshot", message);
  }

  #kept(info: SnapshotInfo): Kept {
    const kept = [this.#current, ...this.#older].find((each) => each && isSameSnapshot(each.header.info, info));
    if (kept === undefined) {
      throw noSuchSnapshot(this.#ports.directory, info.index, `there is none with checksum ${info.checksum}`);
    }
    kept.readMs = this.#ports.clock.monotonic();
    return kept;
  }

  #putInForce(temporary: string, header: SnapshotHeader): void {
    const { clock, directory, files } = this.#ports;
    const name = snapshotName(header.info);
    files.rename(join(directory, temporary), join(directory, name));
    files.syncDirectory(directory);
    const before = this.#current;
    this.#current = { header, readMs: clock.monotonic() };
    this.#isCurrentDamaged = false;
    if (before && snapshotName(before.header.info) !== name) this.#older.unshift(before);
    this.#sweep();
  }

  #sweep(): void {
    const { clock, directory, files } = this.#ports;
    const sinceMs = clock.monotonic() - SNAPSHOT_UNREAD_MS;
    const kept = this.#older.filter(({ readMs }, at) => at < SNAPSHOTS_OLDER_MAX && readMs > sinceMs);
    for (const each of this.#older) {
      if (!kept.includes(each)) files.remove(join(directory, snapshotName(each.header.info)));
    }
    this.#older = kept;
  }
}
