/**
 * A file system in memory whose power can be cut: what was written and not synced is then there sector by sector or not at all, and names
 * that were not synced may be the old ones. It can also refuse: a failing sync, a full disk, a write that is cut short.
 */
import { dirname, join } from "node:path";
import type { Random } from "../../../../../src/base/random.ts";
import type { LogFile, LogFiles, OpenMode } from "../../../../../src/cluster/consensus/log/index.ts";

const SECTOR = 512;

interface Node {
  bytes: Uint8Array;
  synced: Uint8Array;
}

export class MemoryFiles implements LogFiles {
  names = new Map<string, Node>();
  #durableNames = new Map<string, Node>();
  /** Bytes that files may still grow by. */
  room = Number.POSITIVE_INFINITY;
  /** Called before each sync and each write; what it throws, they throw. */
  beforeSync: (path: string) => void = () => {};
  beforeWrite: (path: string, bytes: Uint8Array, at: number) => void = () => {};
  syncs = 0;

  list(directory: string): readonly string[] {
    const found = new Set<string>();
    for (const path of this.names.keys()) {
      if (path.startsWith(`${directory}/`)) found.add(path.slice(directory.length + 1).split("/")[0]!);
    }
    return [...found].sort();
  }

  open(path: string, mode: OpenMode): LogFile {
    let node = this.names.get(path);
    if (mode === "create") {
      node = { bytes: new Uint8Array(0), synced: new Uint8Array(0) };
      this.names.set(path, node);
    }
    if (node === undefined) throw failure("ENOENT", `no file ${path}`);
    return this.#file(node);
  }

  rename(from: string, to: string): void {
    const node = this.names.get(from);
    if (node === undefined) throw failure("ENOENT", `no file ${from}`);
    this.names.delete(from);
    this.names.set(to, node);
  }

  remove(path: string): void {
    for (const each of [...this.names.keys()]) {
      if (each === path || each.startsWith(`${path}/`)) this.names.delete(each);
    }
  }

  makeDirectory(): void {}

  syncDirectory(path: string): void {
    for (const each of [...this.#durableNames.keys()]) if (dirname(each) === path) this.#durableNames.delete(each);
    for (const [each, node] of this.names) if (dirname(each) === path) this.#durableNames.set(each, node);
  }

  /** What somebody finds after the power was cut: for each unsynced sector and for the names it is decided by lot. */
  cutPower(random: Random): MemoryFiles {
    const after = new MemoryFiles();
    const names = random.next() < 0.5 ? this.names : this.#durableNames;
    for (const [path, { bytes, synced }] of names) {
      const isLong = random.next() < 0.5;
      const left = new Uint8Array(bytes.length > synced.length && !isLong ? synced.length : bytes.length);
      left.set(synced.subarray(0, left.length));
      for (let at = 0; at < left.length; at += SECTOR) {
        if (random.next() < 0.5) left.set(bytes.subarray(at, Math.min(at + SECTOR, left.length)), at);
      }
      after.put(path, left);
    }
    return after;
  }

  /** The same files, for somebody else to spoil. */
  copy(): MemoryFiles {
    const other = new MemoryFiles();
    for (const [path, { bytes }] of this.names) other.put(path, bytes.slice());
    return other;
  }

  put(path: string, bytes: Uint8Array): void {
    const node = { bytes, synced: bytes.slice() };
    this.names.set(path, node);
    this.#durableNames.set(path, node);
  }

  bytesOf(path: string): Uint8Array {
    const node = this.names.get(path);
    if (node === undefined) throw failure("ENOENT", `no file ${path}`);
    return node.bytes;
  }

  truncate(path: string, sizeBytes: number): void {
    this.put(path, this.bytesOf(path).slice(0, sizeBytes));
  }

  flip(path: string, bit: number): void {
    this.bytesOf(path)[bit >>> 3]! ^= 1 << (bit & 7);
  }

  /** By the name that it has by then. */
  #nameOf(node: Node): string {
    return [...this.names].find(([, each]) => each === node)?.[0] ?? "";
  }

  #file(node: Node): LogFile {
    const write = (bytes: Uint8Array, at: number): void => {
      this.beforeWrite(this.#nameOf(node), bytes, at);
      const end = at + bytes.length;
      if (end > node.bytes.length) {
        if (end - node.bytes.length > this.room) throw failure("ENOSPC", "no space left on device");
        this.room -= end - node.bytes.length;
        const longer = new Uint8Array(end);
        longer.set(node.bytes);
        node.bytes = longer;
      }
      node.bytes.set(bytes, at);
    };
    const sync = (): void => {
      this.syncs += 1;
      this.beforeSync(this.#nameOf(node));
      node.synced = node.bytes.slice();
    };
    const read = (into: Uint8Array, at: number): number => {
      const part = node.bytes.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    };
    return {
      size: () => node.bytes.length,
      read,
      readAside: async (into, at) => read(into, at),
      write,
      writeAside: async (bytes, at) => write(bytes, at),
      sync,
      syncAside: async () => sync(),
      close: () => {},
    };
  }
}

export function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The files of a log's directory, without its temporary ones. */
export function filesOf(files: MemoryFiles, directory: string): readonly string[] {
  return files.list(directory).filter((name) => !name.endsWith(".tmp") && files.names.has(join(directory, name)));
}
