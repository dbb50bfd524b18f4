/** Writes the own state down, block by block, under a name of its own; what it is, is written last, when size and checksum are known. */
import { join } from "node:path";
import { tooLarge } from "./failures.ts";
import type { LogFile } from "./files.ts";
import { SNAPSHOT_BLOCK_BYTES, SNAPSHOT_HEADER_BYTES } from "./limits.ts";
import {
  blockData,
  blockOffset,
  encodeSnapshotHeader,
  type SnapshotHeader,
  STORED_BLOCK_BYTES,
  sealBlock,
} from "./snapshot-format.ts";
import type { SnapshotPlace, SnapshotPorts } from "./snapshot-ports.ts";

export class SnapshotWriter {
  readonly name: string;
  readonly #ports: SnapshotPorts;
  readonly #file: LogFile;
  readonly #salt: number;
  readonly #stored = new Uint8Array(STORED_BLOCK_BYTES);
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #filled = 0;
  #block = 0;

  constructor(ports: SnapshotPorts, name: string) {
    this.#ports = ports;
    this.name = name;
    this.#salt = ports.salt();
    this.#file = ports.files.open(join(ports.directory, name), "create");
  }

  async write(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + SNAPSHOT_BLOCK_BYTES - this.#filled);
      blockData(this.#stored).set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === SNAPSHOT_BLOCK_BYTES) await this.#flush();
    }
  }

  /** Durable, but for its name. */
  async complete({ configuration, index, term }: SnapshotPlace): Promise<SnapshotHeader> {
    const sizeBytes = this.#block * SNAPSHOT_BLOCK_BYTES + this.#filled;
    if (this.#filled > 0) await this.#flush();
    const { group } = this.#ports;
    const info = { index, term, configuration, sizeBytes, checksum: this.#hasher.digest("hex") };
    const header: SnapshotHeader = { group, salt: this.#salt, info, fromBatch: 0 };
    await this.#file.writeAside(requireHeader(header), 0);
    await this.#file.syncAside();
    this.#file.close();
    return header;
  }

  discard(): void {
    const { directory, files } = this.#ports;
    this.#file.close();
    files.remove(join(directory, this.name));
  }

  async #flush(): Promise<void> {
    const bytes = sealBlock(this.#stored, this.#filled, this.#block, this.#salt);
    this.#hasher.update(blockData(this.#stored).subarray(0, this.#filled));
    await this.#file.writeAside(bytes, blockOffset(this.#block));
    this.#block += 1;
    this.#filled = 0;
  }
}

/** Fails with `raft.log.too_large`. */
export function requireHeader(header: SnapshotHeader): Uint8Array {
  const bytes = encodeSnapshotHeader(header);
  if (bytes === undefined) {
    throw tooLarge("a snapshot's description", JSON.stringify(header).length, SNAPSHOT_HEADER_BYTES);
  }
  return bytes;
}
