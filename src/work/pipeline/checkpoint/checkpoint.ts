/** Where a run stands, and what keeps it: a file of one machine, or a state that several masters share. */
import { Failure } from "../../../base/errors.ts";

/** Layout of what is kept. What has another version is refused, not guessed at. */
export const VERSION = 2;

export interface Checkpoint {
  /** Chosen when the run began; kept when it is resumed. */
  readonly run: string;
  readonly startedMs: number;
  /** What the run was made of: resuming with other ends or another cut would not continue the same run. */
  readonly fingerprint: string;
  readonly finished: boolean;
  /** Batches committed so far: the number of the next one. */
  readonly seq: number;
  /** Ids of batches behind `seq` that are written already (unordered pipelines only). */
  readonly ahead: readonly string[];
  /** Plain JSON of the source, the sink, the dead-letter file and the counts; each part reads its own. */
  readonly source: unknown;
  readonly sink: unknown;
  readonly deadLetters: unknown;
  readonly counts: unknown;
  /** State of the stages that keep one, by stage name. */
  readonly states: ReadonlyMap<string, Uint8Array>;
}

/** Of one pipeline. What it fails with may pass, but for `master.deposed`: another master has taken the run over. */
export interface Checkpoints {
  /** Fails with `checkpoint.version`. */
  load(): Checkpoint | undefined;
  /** All of it or nothing; durable when it returns, or resolves where it gives a promise. The one before has to have come out. */
  save(checkpoint: Checkpoint): void | Promise<void>;
  clear(): void | Promise<void>;
  close(): void;
}

/** What `save` was given, but for the states. Fails with `checkpoint.version`. */
export function bodyOf(version: number, read: () => unknown): Omit<Checkpoint, "states"> {
  if (version === VERSION) return read() as Omit<Checkpoint, "states">; // written by `save`, under the same version
  const message = `the checkpoint has version ${version}, this program reads ${VERSION}; --fresh starts over`;
  throw new Failure("checkpoint.version", message);
}
