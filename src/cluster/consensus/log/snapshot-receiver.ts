/**
 * A snapshot that comes in pieces, from a leader. It is described at once and grows in order; each piece is durable before it is
 * acknowledged, and after a restart it goes on behind the last sound block. Another snapshot takes its place: one at a time.
 */
import { join } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { isSameSnapshot, type SnapshotInfo } from "../../../protocol/raft/index.ts";
import { damagedSnapshot, noSuchSnapshot } from "./failures.ts";
import { errorCodeOf, type LogFile } from "./files.ts";
import { SNAPSHOT_BLOCK_BYTES } from "./limits.ts";
import { checkSnapshot, readBlock, readSnapshotHeader } from "./snapshot-file.ts";
import {
  blockData,
  blockOffset,
  blockSize,
  type SnapshotHeader,
  STORED_BLOCK_BYTES,
  sealBlock,
} from "./snapshot-format.ts";
import type { SnapshotPorts } from "./snapshot-ports.ts";
import { requireHeader } from "./snapshot-writer.ts";

export const RECEIVING_NAME = "receiving.part";

interface Arriving {
  readonly header: SnapshotHeader;
  readonly file: LogFile;
  sizeBytes: number;
}

export class SnapshotReceiver {
  readonly name = RECEIVING_NAME;
  readonly #ports: SnapshotPorts;
  readonly #stored = new Uint8Array(STORED_BLOCK_BYTES);
  #arriving: Arriving | undefined;

  private constructor(ports: SnapshotPorts) {
    this.#ports = ports;
  }

  static async open(ports: SnapshotPorts): Promise<SnapshotReceiver> {
    const receiver = new SnapshotReceiver(ports);
    await receiver.#resume();
    return receiver;
  }

  /** What it has a part of: durable up to `offset`. */
  get arriving(): { readonly snapshot: SnapshotInfo; readonly offset: number } | undefined {
    return this.#arriving && { snapshot: this.#arriving.header.info, offset: this.#arriving.sizeBytes };
  }

  /** Fails with `raft.log.piece` when it leaves a gap or goes beyond the end. */
  async store(info: SnapshotInfo, offset: number, data: Uint8Array): Promise<void> {
    const has = this.#received(info);
    if (offset > has || offset + data.length > info.sizeBytes) throw pieceFailure(info, offset, data.length, has);
    const arriving = offset === 0 && has === 0 ? await this.#begin(info) : this.#arriving!; // it has some of it
    await this.#fill(arriving, offset);
    for (let at = 0; at < data.length; ) at += await this.#put(arriving, offset + at, data.subarray(at));
    await arriving.file.syncAside();
    arriving.sizeBytes = Math.max(arriving.sizeBytes, offset + data.length);
  }

  /** All of it is here and as it should be; else it is removed, and fails with `raft.log.bad_snapshot`. */
  async complete(info: SnapshotInfo, fromBatch: number): Promise<SnapshotHeader> {
    const arriving = info.sizeBytes === 0 && this.#received(info) === 0 ? await this.#begin(info) : this.#arriving;
    const { directory } = this.#ports;
    if (arriving === undefined || !isSameSnapshot(arriving.header.info, info)) {
      throw noSuchSnapshot(directory, info.index, "nothing of it was received");
    }
    const fault = await checkSnapshot(arriving.file, arriving.header);
    if (fault !== undefined) {
      this.#remove();
      throw damagedSnapshot(RECEIVING_NAME, fault.message);
    }
    const header = { ...arriving.header, fromBatch };
    await arriving.file.writeAside(requireHeader(header), 0);
    await arriving.file.syncAside();
    return header;
  }

  /** Its file has another name now. */
  forget(): void {
    this.#arriving?.file.close();
    this.#arriving = undefined;
  }

  close(): void {
    this.forget();
  }

  #received(info: SnapshotInfo): number {
    const arriving = this.#arriving;
    return arriving && isSameSnapshot(arriving.header.info, info) ? arriving.sizeBytes : 0;
  }

  async #begin(info: SnapshotInfo): Promise<Arriving> {
    this.forget();
    const { directory, files, group, salt } = this.#ports;
    const header: SnapshotHeader = { group, salt: salt(), info, fromBatch: 0 };
    const bytes = requireHeader(header);
    const file = files.open(join(directory, RECEIVING_NAME), "create");
    await file.writeAside(bytes, 0);
    files.syncDirectory(directory);
    const arriving = { header, file, sizeBytes: 0 };
    this.#arriving = arriving;
    return arriving;
  }

  /** The block in which `offset` lies has to be in the buffer as far as that: a piece may end and begin anywhere. */
  async #fill({ file, header }: Arriving, offset: number): Promise<void> {
    const block = Math.floor(offset / SNAPSHOT_BLOCK_BYTES);
    const needed = offset - block * SNAPSHOT_BLOCK_BYTES;
    if (needed === 0) return;
    const data = await readBlock(file, header, block);
    if (data === undefined || data.length < needed) throw damagedSnapshot(RECEIVING_NAME, `block ${block} is damaged`);
    blockData(this.#stored).set(data);
  }

  /** As much as goes into one block: how much that was. */
  async #put({ file, header }: Arriving, offset: number, data: Uint8Array): Promise<number> {
    const block = Math.floor(offset / SNAPSHOT_BLOCK_BYTES);
    const from = offset - block * SNAPSHOT_BLOCK_BYTES;
    const part = data.subarray(0, SNAPSHOT_BLOCK_BYTES - from);
    blockData(this.#stored).set(part, from);
    await file.writeAside(sealBlock(this.#stored, from + part.length, block, header.salt), blockOffset(block));
    return part.length;
  }

  async #resume(): Promise<void> {
    const { directory, files } = this.#ports;
    let file: LogFile;
    try {
      file = files.open(join(directory, RECEIVING_NAME), "write");
    } catch (thrown) {
      if (errorCodeOf(thrown) === "ENOENT") return;
      throw thrown;
    }
    const header = await readSnapshotHeader(file);
    if (header === undefined) {
      file.close();
      files.remove(join(directory, RECEIVING_NAME));
      return;
    }
    this.#arriving = { header, file, sizeBytes: await soundBytes(file, header) };
  }

  #remove(): void {
    const { directory, files } = this.#ports;
    this.forget();
    files.remove(join(directory, RECEIVING_NAME));
  }
}

async function soundBytes(file: LogFile, header: SnapshotHeader): Promise<number> {
  const { sizeBytes } = header.info;
  let sound = 0;
  for (let block = 0; sound < sizeBytes; block++) {
    const data = await readBlock(file, header, block);
    sound += data?.length ?? 0;
    if (data?.length !== blockSize(sizeBytes, block)) break;
  }
  return sound;
}

function pieceFailure({ index, sizeBytes }: SnapshotInfo, offset: number, size: number, has: number): Failure {
  const message = `storing ${size} bytes of the snapshot at ${index} at ${offset}: a place up to ${has} and an end up to ${sizeBytes} are required`;
  return new Failure("raft.log.piece", message, { data: { has } });
}
