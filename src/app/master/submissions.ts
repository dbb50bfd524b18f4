/**
 * What a master was asked to run, and how far that is wished: kept before anybody is told that it was taken, so that whoever leads
 * next goes on with it. How far the records are, the checkpoint of each pipeline knows. Which workers a person wants to have no
 * work stands here too.
 */
import { z } from "zod";
import { Failure, messageOf } from "../../base/errors.ts";
import {
  decodeKept,
  encodeKept,
  isDeposed,
  type KeptChange,
  type KeptState,
  keptUnder,
  keyPart,
  nameOf,
} from "../../base/kept-state.ts";

/** Those that are over and are kept, for `pipelines` to list; the oldest go. Their reports stay longer. */
const OVER_MAX = 200;
/** More workers than a cluster of this kind has: each was here once, and a person has named it. */
const DRAINED_MAX = 1_024;

const ENTRY = "entry/";
const DRAINED = "drained/";

const submission = z.object({
  id: z.string(),
  name: z.string(),
  path: z.string(),
  state: z.enum(["running", "paused", "ended", "failed", "cancelled"]),
  detail: z.string().optional(),
  /** What was submitted, as `SubmittedFiles` knows it. */
  files: z.string().optional(),
  /** Asked for with the submission, and until the first checkpoint. */
  fresh: z.boolean(),
  /** The run that it has begun, as its checkpoint names it. */
  run: z.string().optional(),
  input: z.string().optional(),
  output: z.string().optional(),
  submittedMs: z.number(),
  /** Whose it is, when nobody has submitted it by hand: the task of a graph. */
  origin: z.string().optional(),
  rewinds: z.number(),
  /** When it last stopped, for who asks after a restart. */
  records: z.object({ read: z.number(), written: z.number(), deadLettered: z.number() }).optional(),
});

export type Submission = z.output<typeof submission>;

export class Submissions {
  readonly #kept: KeptState;

  /** Of the state of a master. */
  constructor(kept: KeptState) {
    this.#kept = keptUnder(kept, "submissions/");
  }

  /** The oldest first. */
  all(): readonly Submission[] {
    const entries = this.#kept.list(ENTRY).map(({ value }) => submission.parse(decodeKept(value)));
    return entries.toSorted((one, other) => one.submittedMs - other.submittedMs || compare(one.id, other.id));
  }

  /** Durable when it resolves; gives the ids of those that are forgotten for it. Fails with `master.store` or `master.deposed`. */
  async save(entry: Submission): Promise<readonly string[]> {
    const over = this.all().filter(({ id, state }) => id !== entry.id && isOver(state));
    const room = OVER_MAX - (isOver(entry.state) ? 1 : 0);
    const forgotten = over.slice(0, Math.max(0, over.length - room)).map(({ id }) => id);
    const changes: KeptChange[] = forgotten.map((id) => ({ key: keyOf(id), delete: true }));
    await this.#write(`the submission ${entry.id}`, [...changes, { key: keyOf(entry.id), value: encodeKept(entry) }]);
    return forgotten;
  }

  /** Fails as `KeptState.write`. */
  forget(id: string): Promise<void> {
    return this.#kept.write([{ key: keyOf(id), delete: true }]);
  }

  /** Workers that were told to have no work. */
  drained(): readonly string[] {
    return this.#kept.list(DRAINED).map(({ key }) => nameOf(key.slice(DRAINED.length)));
  }

  /** Durable when it resolves. Fails with `master.store`, `master.deposed` or `master.too_many`. */
  async setDrained(worker: string, on: boolean): Promise<void> {
    const key = DRAINED + keyPart(worker);
    const what = `that ${worker} ${on ? "drains" : "works again"}`;
    if (!on) return this.#write(what, [{ key, delete: true }]);
    const count = this.drained().filter((each) => each !== worker).length + 1;
    if (count > DRAINED_MAX)
      throw new Failure("master.too_many", `${count} workers would drain; at most ${DRAINED_MAX} are allowed`);
    await this.#write(what, [{ key, value: encodeKept(true) }]);
  }

  async #write(what: string, changes: readonly KeptChange[]): Promise<void> {
    try {
      await this.#kept.write(changes);
    } catch (thrown) {
      if (isDeposed(thrown)) throw thrown;
      const message = `cannot store ${what}: ${messageOf(thrown)}`;
      throw new Failure("master.store", message, { cause: thrown, retryable: true });
    }
  }
}

function isOver(state: Submission["state"]): boolean {
  return state === "ended" || state === "failed" || state === "cancelled";
}

function keyOf(id: string): string {
  return ENTRY + keyPart(id);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
