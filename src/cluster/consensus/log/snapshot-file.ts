/** Reading a snapshot's file: its description, its blocks, all of it. Reads go aside: a snapshot may be large, and nobody waits for one byte of it. */
import { join } from "node:path";
import { damagedSnapshot, noSuchSnapshot } from "./failures.ts";
import { errorCodeOf, type LogFile, type LogFiles } from "./files.ts";
import { SNAPSHOT_BLOCK_BYTES, SNAPSHOT_HEADER_BYTES } from "./limits.ts";
import {
  blockOffset,
  blockSize,
  decodeSnapshotHeader,
  openBlock,
  type SnapshotHeader,
  STORED_BLOCK_BYTES,
} from "./snapshot-format.ts";

/** Runs `use` with the file open; undefined when there is none. */
export async function withFile<Result>(
  files: LogFiles,
  path: string,
  use: (file: LogFile) => Promise<Result>,
): Promise<Result | undefined> {
  let file: LogFile;
  try {
    file = files.open(path, "read");
  } catch (thrown) {
    if (errorCodeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    return await use(file);
  } finally {
    file.close();
  }
}

export async function readSnapshotHeader(file: LogFile): Promise<SnapshotHeader | undefined> {
  const bytes = new Uint8Array(SNAPSHOT_HEADER_BYTES);
  const size = await file.readAside(bytes, 0);
  return decodeSnapshotHeader(bytes.subarray(0, size));
}

/** A block's data, or undefined when they are damaged or missing. */
export async function readBlock(file: LogFile, header: SnapshotHeader, block: number): Promise<Uint8Array | undefined> {
  const stored = new Uint8Array(STORED_BLOCK_BYTES);
  const size = await file.readAside(stored, blockOffset(block));
  return openBlock(stored.subarray(0, size), block, header.salt);
}

/** Why a snapshot is not what its description says, with the place; undefined when all of it is. */
export interface SnapshotFault {
  readonly offset: number;
  readonly message: string;
}

export async function checkSnapshot(file: LogFile, header: SnapshotHeader): Promise<SnapshotFault | undefined> {
  const { sizeBytes, checksum } = header.info;
  const hasher = new Bun.CryptoHasher("sha256");
  for (let block = 0; block * SNAPSHOT_BLOCK_BYTES < sizeBytes; block++) {
    const data = await readBlock(file, header, block);
    if (data?.length !== blockSize(sizeBytes, block)) {
      return { offset: blockOffset(block), message: `block ${block} of the snapshot is damaged` };
    }
    hasher.update(data);
  }
  if (hasher.digest("hex") === checksum) return undefined;
  return { offset: 0, message: `the snapshot's bytes are not those of checksum ${checksum}` };
}

/** A snapshot in the directory, as it was found. */
export interface SnapshotFound {
  readonly name: string;
  /** By its name: known also when the file is damaged. */
  readonly index: number;
  readonly header: SnapshotHeader | undefined;
  readonly fault: SnapshotFault | undefined;
}

export async function findSnapshot(
  files: LogFiles,
  directory: string,
  name: string,
  index: number,
): Promise<SnapshotFound> {
  const found = await withFile(files, join(directory, name), async (file) => {
    const header = await readSnapshotHeader(file);
    if (header === undefined || header.info.index !== index) {
      return { name, index, header: undefined, fault: { offset: 0, message: "the snapshot's description is damaged" } };
    }
    return { name, index, header, fault: await checkSnapshot(file, header) };
  });
  return found ?? { name, index, header: undefined, fault: { offset: 0, message: "the snapshot is gone" } };
}

/** The data of some blocks, in one piece. Fails with `raft.log.bad_snapshot`, or `raft.log.no_snapshot` when the file is gone. */
export async function readBlocks(
  files: LogFiles,
  path: string,
  header: SnapshotHeader,
  from: number,
  to: number,
): Promise<Uint8Array> {
  const blocks = await withFile(files, path, async (file) => {
    const data: Uint8Array[] = [];
    for (let block = from; block < to; block++)
      data.push(requireBlock(path, header, block, await readBlock(file, header, block)));
    return Buffer.concat(data);
  });
  if (blocks === undefined) throw noSuchSnapshot(path, header.info.index, "the file is gone");
  return new Uint8Array(blocks.buffer, blocks.byteOffset, blocks.byteLength);
}

/** All blocks one after the other, while the event loop stands still: for a start, when nothing else can go on either. */
export function* readBlocksAtOnce(files: LogFiles, path: string, header: SnapshotHeader): Generator<Uint8Array> {
  const file = files.open(path, "read");
  try {
    for (let block = 0; block * SNAPSHOT_BLOCK_BYTES < header.info.sizeBytes; block++) {
      const stored = new Uint8Array(STORED_BLOCK_BYTES);
      const size = file.read(stored, blockOffset(block));
      yield requireBlock(path, header, block, openBlock(stored.subarray(0, size), block, header.salt));
    }
  } finally {
    file.close();
  }
}

function requireBlock(path: string, header: SnapshotHeader, block: number, data: Uint8Array | undefined): Uint8Array {
  if (data?.length === blockSize(header.info.sizeBytes, block)) return data;
  throw damagedSnapshot(path, `block ${block} of the snapshot at ${header.info.index} is damaged`);
}
