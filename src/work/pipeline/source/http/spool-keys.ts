/**
 * The idempotency keys of the last requests: which key brought which body, and what was answered. The newest ones are kept, up
 * to a number. On the disk a key stands with its records; when those are committed and their file goes, its keys stay in
 * a small file of their own until newer ones have pushed them out.
 */
import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { Failure, messageOf } from "../../../../base/errors.ts";
import type { Keyed } from "./spool-frame.ts";

export interface RememberedKey extends Keyed {
  readonly records: number;
  /** Offset behind the records. */
  readonly position: number;
}

export interface KeyFile {
  readonly path: string;
  readonly keys: readonly RememberedKey[];
}

export class KeyWindow {
  readonly #max: number;
  /** Oldest first. */
  readonly #keys = new Map<string, RememberedKey>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): RememberedKey | undefined {
    return this.#keys.get(key);
  }

  add(entry: RememberedKey): void {
    this.#keys.delete(entry.key);
    this.#keys.set(entry.key, entry);
    const oldest = this.#keys.keys().next();
    if (this.#keys.size > this.#max && !oldest.done) this.#keys.delete(oldest.value);
  }

  /** Whether this very entry is still remembered. */
  holds(entry: RememberedKey): boolean {
    return this.#keys.get(entry.key)?.position === entry.position;
  }
}

/** Durable, or not there at all, when it resolves or fails. The directory's own entry is the caller's to sync. */
export async function writeKeyFile(path: string, keys: readonly RememberedKey[]): Promise<void> {
  const draft = `${path}.tmp`;
  await using file = await open(draft, "w", 0o600);
  await file.writeFile(keys.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  await file.sync();
  await rename(draft, path);
}

/** Fails with `source.spool_damaged`. */
export function readKeyFile(path: string): RememberedKey[] {
  try {
    const lines = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as RememberedKey); // written whole by `writeKeyFile`
  } catch (thrown) {
    throw new Failure(
      "source.spool_damaged",
      `cannot read the idempotency keys in ${path}: ${messageOf(thrown)}; restore the file, or remove it to forget them`,
      { cause: thrown },
    );
  }
}
