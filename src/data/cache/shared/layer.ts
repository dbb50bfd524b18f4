/**
 * Redis as the cache sees it. Whatever becomes of it, nobody who asks here gets an error: what cannot be had is not there. Nothing is
 * read there that an invalidation in the journal concerns, and what was looked up in another generation is not stored.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import type { Histogram } from "../../../base/histogram.ts";
import { FLUSH_AT_ONCE, OPERATION_MS, STORING_BYTES_MAX } from "../limits.ts";
import type { SharedCounts } from "../types.ts";
import { Connection, type ConnectionPorts, type Open } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import { Journal, type JournalEntry } from "./journal.ts";
import type { Looked } from "./types.ts";

export interface Stored {
  readonly bytes: Uint8Array;
  readonly ttlMs: number;
}

export class SharedLayer {
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #connection: Connection;
  readonly #deadline: Deadline;
  readonly #journal = new Journal();
  readonly #started: Promise<void>;
  #flushing: Promise<void> | undefined;
  #again: Timer | undefined;
  #storingBytes = 0;
  #forgotten = 0;

  constructor(ports: Omit<ConnectionPorts, "opened">) {
    this.#clock = ports.clock;
    this.#newId = ports.newId;
    this.#deadline = new Deadline(ports.clock);
    this.#connection = new Connection({ ...ports, opened: () => this.#flushInTime() });
    this.#started = this.#connection.start();
  }

  get latency(): Histogram {
    return this.#connection.latency;
  }

  /** The first attempt to reach Redis has ended. */
  get started(): Promise<void> {
    return this.#started;
  }

  counts(): SharedCounts {
    const state = this.#connection.open ? "open" : "away";
    const { size: journal } = this.#journal;
    return { state, ...this.#connection.counts(), journal, forgotten: this.#forgotten };
  }

  /** Undefined when it cannot be asked, or could not be trusted. */
  async look(key: string, names: readonly string[]): Promise<Looked | undefined> {
    if (this.#journal.concerns(names)) await this.#flushInTime();
    const { open } = this.#connection;
    if (!open || this.#journal.concerns(names)) return this.#connection.bypass();
    const fresh = this.#newId();
    const ask = ({ generation, session }: Open) => session.look(generation, key, names, fresh);
    const looked = await this.#connection.attempt(open, ask);
    if (!looked || this.#journal.concerns(names)) return undefined;
    if (looked.generation === open.generation) return looked;
    this.#connection.settleAgain(open);
    return undefined;
  }

  /** Nobody waits for it. Only in the generation in which its stamp was looked up. */
  store(generation: string, key: string, names: readonly string[], { bytes, ttlMs }: Stored): void {
    const { open } = this.#connection;
    if (open?.generation !== generation || this.#storingBytes + bytes.length > STORING_BYTES_MAX) {
      return this.#connection.bypass();
    }
    this.#storingBytes += bytes.length;
    const ask = ({ session }: Open) => session.store(generation, key, bytes, ttlMs, names);
    void this.#connection.attempt(open, ask).finally(() => {
      this.#storingBytes -= bytes.length;
    });
  }

  /** From now on nothing that it concerns is read there. Resolves when it is applied, or after the deadline. */
  invalidate(entry: JournalEntry): Promise<void> {
    this.#journal.add(entry);
    return this.#flushInTime();
  }

  /** Everything in there is old. */
  forgetAll(): Promise<void> {
    this.#journal.forgetAll();
    return this.#flushInTime();
  }

  close(): void {
    this.#again?.cancel();
    this.#connection.close();
  }

  /** Resolves when the journal is empty, or nobody should wait for that any longer. */
  async #flushInTime(): Promise<void> {
    if (!this.#connection.open) return;
    await this.#deadline.within(OPERATION_MS, this.#flush()).catch(() => {}); // late: it goes on
  }

  /** One at a time; whoever comes while one is under way gets one that looks again after him. */
  async #flush(): Promise<void> {
    if (this.#flushing) await this.#flushing;
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async #flushAll(): Promise<void> {
    let goesOn = true;
    while (goesOn && !this.#journal.isEmpty) {
      const { open } = this.#connection;
      if (!open) return; // the next session begins with it
      goesOn = this.#journal.mustForget ? await this.#renew(open) : await this.#apply(open);
    }
    if (!this.#journal.isEmpty) this.#flushLater();
  }

  /** False when there is no use in going on at once; so is that of `#apply`. */
  async #renew(open: Open): Promise<boolean> {
    const upTo = this.#journal.forgetting;
    const generation = await this.#connection.attempt(open, ({ session }) => session.renew(this.#newId()));
    if (generation === undefined) return false;
    this.#forgotten++;
    this.#journal.forgotten(upTo);
    this.#connection.renewed(open, generation);
    return true;
  }

  async #apply(open: Open): Promise<boolean> {
    const applyOne = async (entry: JournalEntry): Promise<string | undefined> => {
      const ask = ({ generation, session }: Open) => session.apply(generation, entry.id, entry.names, this.#newId());
      const generation = await this.#connection.attempt(open, ask);
      if (generation === open.generation) this.#journal.done(entry);
      return generation;
    };
    const answers = await Promise.all(this.#journal.first(FLUSH_AT_ONCE).map(applyOne));
    if (answers.some((generation) => generation !== undefined && generation !== open.generation)) {
      this.#connection.settleAgain(open);
      return false;
    }
    return answers.every((generation) => generation !== undefined);
  }

  /** An operation failed and its session did not: what is in the journal still has to get there. */
  #flushLater(): void {
    this.#again?.cancel();
    this.#again = this.#clock.after(OPERATION_MS, () => void this.#flushInTime());
  }
}
