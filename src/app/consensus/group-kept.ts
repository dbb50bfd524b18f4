/**
 * What a leading master keeps, in a map of its group: read from the state that is here, written through the log, in the term in which
 * it leads and in no other. Who leads no more writes nothing any more, whatever it still believes.
 */
import { Failure, toFailure } from "../../base/errors.ts";
import {
  DEPOSED,
  KEPT_VALUE_BYTES_MAX,
  KEPT_WRITE_BYTES_MAX,
  KEPT_WRITE_CHANGES_MAX,
  type KeptChange,
  type KeptEntry,
  type KeptState,
} from "../../base/kept-state.ts";
import { encodeCommand } from "../../data/machine/index.ts";
import { failureOf, type Outcome, PRIVATE_PREFIX } from "../../data/words/index.ts";
import type { HeldGroup } from "./held-group.ts";

export const MASTERS_MAP = `${PRIVATE_PREFIX}masters`;

export class GroupKept implements KeptState {
  readonly #held: HeldGroup;
  readonly #term: number;

  constructor(held: HeldGroup, term: number) {
    this.#held = held;
    this.#term = term;
  }

  get(key: string): Uint8Array | undefined {
    const entry = this.#held.life.machine.maps.get(MASTERS_MAP, key);
    return entry && bytesOf(entry.value);
  }

  list(prefix: string): readonly KeptEntry[] {
    const { maps } = this.#held.life.machine;
    const entries: KeptEntry[] = [];
    for (let after: string | undefined; ; ) {
      const page = maps.range({ map: MASTERS_MAP, prefix, after });
      for (const { key, value } of page.entries) entries.push({ key, value: bytesOf(value) });
      if (page.next === undefined) return entries;
      after = page.next;
    }
  }

  async write(changes: readonly KeptChange[]): Promise<void> {
    if (changes.length === 0) return;
    requireBounds(changes);
    const then = changes.map((change) =>
      "value" in change
        ? ({ type: "map.put", map: MASTERS_MAP, key: change.key, value: change.value } as const)
        : ({ type: "map.delete", map: MASTERS_MAP, key: change.key } as const),
    );
    const command = encodeCommand({ command: { type: "transaction", transaction: { compare: [], then, else: [] } } });
    let outcome: Outcome;
    try {
      outcome = (await this.#held.life.group.propose(command, { term: this.#term })) as Outcome; // what every command answers
    } catch (thrown) {
      throw this.#failureOf(toFailure(thrown, "consensus.defect"));
    }
    if (!outcome.ok) throw failureOf(outcome);
  }

  /** Without leadership nothing comes of it any more, or nobody here may know: either way another one goes on. */
  #failureOf(failure: Failure): Failure {
    const { isLeading, term } = this.#held.leadership;
    if (isLeading && term === this.#term && failure.code === "consensus.overloaded") return failure;
    return new Failure(DEPOSED, `this master leads no more: ${failure.message}`, { cause: failure });
  }
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}

function requireBounds(changes: readonly KeptChange[]): void {
  let bytes = 0;
  for (const change of changes) {
    const size = "value" in change ? change.value.byteLength : 0;
    if (size > KEPT_VALUE_BYTES_MAX) throw tooLarge(`${change.key} has ${size} bytes; at most ${KEPT_VALUE_BYTES_MAX}`);
    bytes += size + change.key.length;
  }
  if (bytes > KEPT_WRITE_BYTES_MAX) throw tooLarge(`it has ${bytes} bytes; at most ${KEPT_WRITE_BYTES_MAX}`);
  if (changes.length > KEPT_WRITE_CHANGES_MAX)
    throw tooLarge(`it has ${changes.length} changes; at most ${KEPT_WRITE_CHANGES_MAX}`);
}

/** A defect of the caller's. */
function tooLarge(what: string): Error {
  return new Error(`a write to the kept state is out of bounds: ${what} are allowed`);
}
