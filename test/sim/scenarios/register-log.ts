/** The register's file: records of a number and its checksum, appended and synced; a torn end is cut off when it is read. */
import { type Disk, textTag } from "../world/index.ts";

const FILE = "register.log";
const RECORD_BYTES = 8;

export class RegisterLog {
  readonly #disk: Disk;
  readonly #checks: boolean;

  /** `checks` off is a planted bug: whatever lies in the file is believed. */
  constructor(disk: Disk, checks: boolean) {
    this.#disk = disk;
    this.#checks = checks;
  }

  /** The last number that was surely written; 0 for a new file. */
  recover(): number {
    const bytes = this.#disk.read(FILE);
    if (bytes === undefined) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let [value, at] = [0, 0];
    for (; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      const found = view.getUint32(at);
      if (this.#checks && view.getUint32(at + 4) !== checksum(found)) break;
      value = found;
    }
    if (at < bytes.length) {
      this.#disk.truncate(FILE, at);
      this.#disk.sync(FILE);
    }
    return value;
  }

  /** The function that is returned ends the sync. */
  append(value: number): () => void {
    const record = new DataView(new ArrayBuffer(RECORD_BYTES));
    record.setUint32(0, value);
    record.setUint32(4, checksum(value));
    this.#disk.append(FILE, new Uint8Array(record.buffer));
    return this.#disk.beginSync(FILE);
  }
}

function checksum(value: number): number {
  return textTag(`register ${value}`) >>> 0;
}
