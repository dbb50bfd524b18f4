/**
 * The file of the list of tokens (0600), read whole and written whole. It is read again only when somebody else has put
 * another one in its place, and written while the node goes on: with thousands of tokens it has a megabyte.
 */
import { statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { readPrivateFile } from "../../wire/auth/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { makeDirectory } from "../secrets/private-write.ts";
import { EMPTY_LEDGER, formatLedger, LEDGER_BYTES_MAX, type Ledger, parseLedger } from "./ledger-text.ts";

const FILE_MODE = 0o600;

export class LedgerFile {
  readonly #path: string;
  #ledger: Ledger = EMPTY_LEDGER;
  /** Of the file that the list was read from or written to. */
  #seen: string | undefined;
  #reads = 0;
  #writes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** As it was last read or written. */
  get ledger(): Ledger {
    return this.#ledger;
  }

  counts(): { readonly reads: number; readonly writes: number } {
    return { reads: this.#reads, writes: this.#writes };
  }

  /** Fails with `auth.token_file` or `auth.file_not_private` when there is one that cannot be used. */
  read(): Ledger {
    const seen = identityOf(this.#path);
    if (seen !== undefined && seen === this.#seen) return this.#ledger;
    this.#ledger = this.#readNow();
    this.#seen = seen;
    return this.#ledger;
  }

  /** By whoever has the lock. Fails with `secrets.write_failed`; then the old one is in its place. */
  async replace(ledger: Ledger): Promise<void> {
    await replaceLater(this.#path, formatLedger(ledger));
    this.#ledger = ledger;
    this.#seen = identityOf(this.#path);
    this.#writes++;
  }

  #readNow(): Ledger {
    this.#reads++;
    try {
      return parseLedger(readPrivateFile(this.#path, LEDGER_BYTES_MAX).toString("utf8"), this.#path);
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.code === "auth.key_file.not_found") return EMPTY_LEDGER;
      throw thrown;
    }
  }
}

/** Another one for each file that is put in its place, and for one whose owner or mode has changed; undefined when it cannot be told. */
function identityOf(path: string): string | undefined {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats ? `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}` : "none";
  } catch {
    return undefined; // reading it says what is wrong
  }
}

/** Whole or not at all, as all private files are; but nobody waits for the disk. */
async function replaceLater(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  makeDirectory(directory);
  const digits = Buffer.from(systemEntropy(6)).toString("hex");
  const temporary = join(directory, `.${basename(path)}.${digits}`);
  try {
    await writeFlushed(temporary, text);
    await rename(temporary, path);
    await flush(directory); // so that the name survives a power cut too
  } catch (thrown) {
    const message = `cannot write ${path}: ${messageOf(thrown)}; a place that can be written is required`;
    throw new Failure("secrets.write_failed", message, { cause: thrown });
  } finally {
    await rm(temporary, { force: true }).catch(() => {}); // a leftover with a name of its own harms nobody
  }
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", FILE_MODE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function flush(directory: string): Promise<void> {
  const file = await open(directory, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
