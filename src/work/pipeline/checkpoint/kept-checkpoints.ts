/**
 * Where a run stands, in a state that several masters share: the source's position, the sink's, the dead letters', the counts and
 * every stage's state change in one write, or not at all. A state is written again only when it is another one; large ones go
 * ahead in pieces, so their size does not bound what holds together.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { deleteLarge, getLarge, putLarge, writeLarge } from "../../../base/kept-large.ts";
import { decodeKept, encodeKept, isDeposed, type KeptState, keyPart, nameOf } from "../../../base/kept-state.ts";
import { KeptSweep } from "../../../base/kept-sweep.ts";
import { formatBytes } from "../../../base/units.ts";
import { bodyOf, type Checkpoint, type Checkpoints, VERSION } from "./checkpoint.ts";

/** All states of one run: every node of a group holds them in memory, beside those of 64 other runs. */
export const STATES_BYTES_MAX = 64 * 2 ** 20;

const BODY = "body";
const STATE = "state/";

interface Kept {
  readonly version: number;
  readonly body: unknown;
}

export class KeptCheckpoints implements Checkpoints {
  readonly #kept: KeptState;
  readonly #sweep: KeptSweep;
  /** Hashes of the states that are kept, by stage; none while nobody knows. */
  #hashes: ReadonlyMap<string, bigint> | undefined;

  /** `kept` is this pipeline's alone. */
  constructor(kept: KeptState) {
    this.#kept = kept;
    this.#sweep = new KeptSweep(kept);
  }

  load(): Checkpoint | undefined {
    const bytes = getLarge(this.#kept, BODY);
    if (!bytes) return undefined;
    const { body, version } = decodeKept(bytes) as Kept; // written by save
    const read = bodyOf(version, () => body);
    const states = this.#kept.list(STATE).map(({ key }) => [stageOf(key), getLarge(this.#kept, key)!] as const);
    this.#hashes = hashesOf(states);
    return { ...read, states: new Map(states) };
  }

  /** Fails with `checkpoint.write_failed`, which may pass, with `checkpoint.too_large`, and with `master.deposed`. */
  async save({ states: given, ...body }: Checkpoint): Promise<void> {
    const states: Checkpoint["states"] = body.finished ? new Map() : given; // nobody goes on from there
    requireRoom(states);
    await this.#written(async () => {
      const changed = [...states].filter(([stage, bytes]) => this.#hashes?.get(stage) !== Bun.hash.xxHash64(bytes));
      const gone = this.#kept.list(STATE).filter(({ key }) => !states.has(stageOf(key)));
      await writeLarge(
        this.#kept,
        putLarge(this.#kept, BODY, encodeKept({ version: VERSION, body })),
        ...changed.map(([stage, bytes]) => putLarge(this.#kept, STATE + keyPart(stage), bytes)),
        ...gone.map(({ key }) => deleteLarge(this.#kept, key)),
      );
    });
    this.#hashes = hashesOf(states);
  }

  async clear(): Promise<void> {
    await this.#written(() => {
      const keys = [BODY, ...this.#kept.list(STATE).map(({ key }) => key)];
      return writeLarge(this.#kept, ...keys.map((key) => deleteLarge(this.#kept, key)));
    });
  }

  close(): void {}

  async #written(write: () => Promise<void>): Promise<void> {
    try {
      await this.#sweep.around(write);
    } catch (thrown) {
      if (isDeposed(thrown)) throw thrown;
      const { code, message } = toFailure(thrown, "checkpoint.write_failed");
      const what = `cannot store the checkpoint: ${message} (${code}); a store that takes it is required`;
      throw new Failure("checkpoint.write_failed", what, { retryable: true, cause: thrown });
    } finally {
      this.#hashes = undefined;
    }
  }
}

function hashesOf(states: Iterable<readonly [string, Uint8Array]>): ReadonlyMap<string, bigint> {
  return new Map(Array.from(states, ([stage, bytes]) => [stage, Bun.hash.xxHash64(bytes)]));
}

function requireRoom(states: Checkpoint["states"]): void {
  const bytes = [...states.values()].reduce((sum, { length }) => sum + length, 0);
  if (bytes <= STATES_BYTES_MAX) return;
  const message = `the states of the stages have ${formatBytes(bytes)}; a master keeps at most ${formatBytes(STATES_BYTES_MAX)} of one pipeline`;
  throw new Failure("checkpoint.too_large", message);
}

function stageOf(key: string): string {
  return nameOf(key.slice(STATE.length));
}
