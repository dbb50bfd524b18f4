/**
 * The list of tokens as a file that several processes share: nodes of one data directory, and commands while no node runs. Each
 * change is applied to what is there, under a lock. Changes that come together are written together, a few times a second at
 * most; each is told when it is on disk.
 */
import { dirname } from "node:path";
import { type Clock, pause, systemClock } from "../../base/clock.ts";
import { REVOCATIONS_MAX, type Revocation, revocationsFull } from "../../edge/token/index.ts";
import { makeDirectory } from "../secrets/private-write.ts";
import { whileLocked } from "../secrets/secrets-lock.ts";
import { LedgerFile } from "./ledger-file.ts";
import { type IssuedRecord, type Ledger, pruned } from "./ledger-text.ts";

type Change = (ledger: Ledger) => Ledger;

/** Between two writes, so that whoever asks for tokens without end does not keep the node writing. Putting 4,096 into text takes 3 ms. */
const WRITE_EVERY_MS = 50;

export class TokenLedger {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #file: LedgerFile;
  #waiting: Change[] = [];
  /** Takes along what comes until it begins. */
  #next: Promise<void> | undefined;
  #last: Promise<void> | undefined;
  #wroteMs = Number.NEGATIVE_INFINITY;

  /** Fails with `auth.token_file` or `auth.file_not_private` when there is one that cannot be used. */
  constructor(path: string, clock: Clock = systemClock) {
    this.#path = path;
    this.#clock = clock;
    this.#file = new LedgerFile(path);
    this.#file.read();
  }

  /** As it was last read or written. */
  get state(): Ledger {
    return this.#file.ledger;
  }

  counts(): { readonly reads: number; readonly writes: number } {
    return this.#file.counts();
  }

  /** Looks at the file again. */
  refresh(): Ledger {
    return this.#file.read();
  }

  record(issued: IssuedRecord): Promise<void> {
    const { expiresAtMs, keyId } = issued;
    return this.#change((ledger) => ({
      ...ledger,
      issued: [...ledger.issued, issued],
      lastExpiry: { ...ledger.lastExpiry, [keyId]: Math.max(expiresAtMs, ledger.lastExpiry[keyId] ?? 0) },
    }));
  }

  /** Of one that is revoked already the later end counts. */
  revoke(list: readonly Revocation[]): Promise<void> {
    return this.#change((ledger) => {
      const known = new Map(ledger.revoked.map((each) => [each.tokenId, each]));
      const news = list.filter(({ expiresAtMs, tokenId }) => (known.get(tokenId)?.expiresAtMs ?? 0) < expiresAtMs);
      if (news.length === 0) return ledger;
      for (const each of news) known.set(each.tokenId, each);
      return { ...ledger, revoked: [...known.values()] };
    });
  }

  /** Resolves when it is on disk. Fails with `secrets.busy` or `secrets.write_failed`; then nothing of it is. */
  #change(change: Change): Promise<void> {
    this.#waiting.push(change);
    this.#next ??= this.#writeNext(this.#last);
    return this.#next;
  }

  async #writeNext(last: Promise<void> | undefined): Promise<void> {
    await last?.catch(() => {}); // whoever waited for that one hears of it
    const waitMs = this.#wroteMs + WRITE_EVERY_MS - this.#clock.monotonic();
    if (waitMs > 0) await pause(this.#clock, waitMs);
    this.#last = this.#next;
    this.#next = undefined;
    await this.#write(this.#waiting.splice(0));
  }

  async #write(changes: readonly Change[]): Promise<void> {
    makeDirectory(dirname(this.#path));
    await whileLocked(this.#path, () => this.#apply(changes), this.#clock);
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    const found = this.#file.read();
    const changed = changes.reduce((ledger, change) => change(ledger), found);
    if (changed === found) return;
    const next = pruned(changed, this.#clock.now());
    if (next.revoked.length > REVOCATIONS_MAX) throw revocationsFull(); // two nodes have filled it together
    await this.#file.replace(next);
    this.#wroteMs = this.#clock.monotonic();
  }
}
