/**
 * The list of tokens as a file (0600) that several processes share: nodes of one data directory, and commands while no node
 * runs. Each change reads what is there, under a lock, and puts the whole in its place. Changes that come together are written
 * together; each is told when it is on disk.
 */
import { dirname } from "node:path";
import { type Clock, systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Revocation } from "../../edge/token/index.ts";
import { readPrivateFile } from "../../wire/auth/index.ts";
import { makeDirectory, replacePrivate } from "../secrets/private-write.ts";
import { whileLocked } from "../secrets/secrets-lock.ts";
import {
  EMPTY_LEDGER,
  formatLedger,
  type IssuedRecord,
  LEDGER_BYTES_MAX,
  type Ledger,
  parseLedger,
  pruned,
} from "./ledger-text.ts";

type Change = (ledger: Ledger) => Ledger;

export class TokenLedger {
  readonly #path: string;
  readonly #clock: Clock;
  #ledger: Ledger;
  #waiting: Change[] = [];
  #writing: Promise<void> | undefined;

  /** Fails with `auth.token_file` or `auth.file_not_private` when there is one that cannot be used. */
  constructor(path: string, clock: Clock = systemClock) {
    this.#path = path;
    this.#clock = clock;
    this.#ledger = this.#read();
  }

  /** As it was last read or written. */
  get state(): Ledger {
    return this.#ledger;
  }

  /** Looks at the file again. */
  refresh(): Ledger {
    this.#ledger = this.#read();
    return this.#ledger;
  }

  record(issued: IssuedRecord): Promise<void> {
    const { expiresAtMs, keyId } = issued;
    return this.#change((ledger) => ({
      ...ledger,
      issued: [...ledger.issued, issued],
      lastExpiry: { ...ledger.lastExpiry, [keyId]: Math.max(expiresAtMs, ledger.lastExpiry[keyId] ?? 0) },
    }));
  }

  revoke(list: readonly Revocation[]): Promise<void> {
    return this.#change((ledger) => {
      const known = new Set(ledger.revoked.map(({ tokenId }) => tokenId));
      return { ...ledger, revoked: [...ledger.revoked, ...list.filter(({ tokenId }) => !known.has(tokenId))] };
    });
  }

  /** Resolves when it is on disk. Fails with `secrets.busy` or `secrets.write_failed`; then nothing of it is. */
  async #change(change: Change): Promise<void> {
    this.#waiting.push(change);
    if (this.#writing) {
      await this.#writing.catch(() => {}); // whoever wrote then hears of it; what waits is written next
    }
    if (!this.#waiting.includes(change)) return this.#writing;
    this.#writing = this.#write(this.#waiting.splice(0));
    return this.#writing;
  }

  #write(changes: readonly Change[]): Promise<void> {
    makeDirectory(dirname(this.#path));
    return whileLocked(
      this.#path,
      () => {
        const ledger = changes.reduce((last, change) => change(last), this.#read());
        const next = pruned(ledger, this.#clock.now());
        replacePrivate(this.#path, formatLedger(next));
        this.#ledger = next;
      },
      this.#clock,
    );
  }

  #read(): Ledger {
    try {
      return parseLedger(readPrivateFile(this.#path, LEDGER_BYTES_MAX).toString("utf8"), this.#path);
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.code === "auth.key_file.not_found") return EMPTY_LEDGER;
      throw thrown;
    }
  }
}
