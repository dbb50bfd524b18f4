/**
 * A node's disk as a crash leaves it. What is written can be read at once, but only `sync` makes it stay: a crash keeps the
 * synced bytes of a file and, of those appended since, nothing, a beginning, or any subset of sectors with zeroes between
 * (drives reorder). A sector is written whole or not at all. `replace` is the usual temp file, fsync and rename: after a
 * crash the file is the old or the new one, never a mixture, and surely the new one only after `sync`.
 */
import { assert } from "../../../src/base/errors.ts";
import type { Random } from "../../../src/base/random.ts";
import { chance } from "./chance.ts";

/** What drives promise to write as one. */
const SECTOR_BYTES = 512;

/** As much of a file as is known at some moment. */
interface Content {
  bytes: Uint8Array;
  size: number;
}

interface File {
  /** What a crash keeps; undefined: it was not there at the last sync. */
  durable: Uint8Array | undefined;
  /** What reads see; undefined: removed. */
  current: Content | undefined;
  /** The current content is no longer the durable one with bytes appended: it was replaced or removed since. */
  isOther: boolean;
  /** Of a replaced file: its size then; what was appended later may be torn. */
  replacedSize: number;
}

export class Disk {
  readonly #random: Random;
  readonly #files = new Map<string, File>();

  constructor(random: Random) {
    this.#random = random;
  }

  list(): readonly string[] {
    return [...this.#files].filter(([, file]) => file.current !== undefined).map(([name]) => name);
  }

  /** A copy; undefined when there is no such file. */
  read(name: string): Uint8Array | undefined {
    const content = this.#files.get(name)?.current;
    return content?.bytes.slice(0, content.size);
  }

  append(name: string, bytes: Uint8Array): void {
    const file = this.#open(name);
    file.current ??= { bytes: new Uint8Array(0), size: 0 };
    const { current } = file;
    if (current.size + bytes.length > current.bytes.length) {
      const grown = new Uint8Array(Math.max(SECTOR_BYTES, 2 * (current.size + bytes.length)));
      grown.set(current.bytes.subarray(0, current.size));
      current.bytes = grown;
    }
    current.bytes.set(bytes, current.size);
    current.size += bytes.length;
  }

  /** The whole file anew. */
  replace(name: string, bytes: Uint8Array): void {
    const file = this.#open(name);
    file.current = { bytes: bytes.slice(), size: bytes.length };
    file.isOther = true;
    file.replacedSize = bytes.length;
  }

  /** Cuts off what lies behind; as a replacement, for a crash shows the old or the new length. */
  truncate(name: string, size: number): void {
    const bytes = this.read(name);
    assert(bytes !== undefined && size <= bytes.length, `${name} has ${bytes?.length} bytes and is cut to ${size}`);
    this.replace(name, bytes.subarray(0, size));
  }

  remove(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined) return;
    file.current = undefined;
    file.isOther = true;
    file.replacedSize = 0;
  }

  sync(name: string): void {
    this.beginSync(name)();
  }

  /** What is written up to now will stay from the moment on that the function is called: an fsync takes time. */
  beginSync(name: string): () => void {
    const file = this.#files.get(name);
    if (file === undefined) return () => {};
    const { current, isOther } = file;
    const size = current?.size ?? 0;
    return () => {
      file.durable = current?.bytes.slice(0, size);
      if (isOther && file.current === current) file.isOther = false;
    };
  }

  /** The machine loses power, or its kernel dies. */
  crash(): void {
    for (const [name, file] of this.#files) {
      const kept = this.#kept(file);
      if (kept === undefined) this.#files.delete(name);
      else this.#files.set(name, fileOf(kept));
    }
  }

  #open(name: string): File {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const made: File = { durable: undefined, current: undefined, isOther: false, replacedSize: 0 };
    this.#files.set(name, made);
    return made;
  }

  #kept(file: File): Uint8Array | undefined {
    const { durable, current, isOther } = file;
    if (isOther && (current === undefined || chance(this.#random, 0.5))) {
      return chance(this.#random, 0.5) ? durable : current?.bytes.slice(0, file.replacedSize);
    }
    if (current === undefined) return durable;
    const base = isOther ? current.bytes.subarray(0, file.replacedSize) : durable;
    return current.size === base?.length ? base.slice() : this.#torn(base, current);
  }

  #torn(base: Uint8Array | undefined, current: Content): Uint8Array | undefined {
    const first = Math.floor((base?.length ?? 0) / SECTOR_BYTES);
    const sectors = Math.ceil(current.size / SECTOR_BYTES) - first;
    const survivors = this.#random.below(sectors + 1);
    if (survivors === 0) return base;
    const hasHoles = chance(this.#random, 0.5);
    const size = Math.min(current.size, (first + survivors) * SECTOR_BYTES);
    const kept = new Uint8Array(size);
    if (base !== undefined) kept.set(base);
    for (let sector = first; sector < first + survivors; sector++) {
      if (hasHoles && chance(this.#random, 0.5)) continue;
      const from = sector * SECTOR_BYTES;
      kept.set(current.bytes.subarray(from, Math.min(size, from + SECTOR_BYTES)), from);
    }
    return kept;
  }
}

function fileOf(kept: Uint8Array): File {
  return { durable: kept, current: { bytes: kept.slice(), size: kept.length }, isOther: false, replacedSize: 0 };
}
