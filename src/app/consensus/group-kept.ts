/**
 * What a leading master keeps, in a map of its group: read from the state that is here, written through the log, in the term in which
 * it leads and in no other. Who leads no more writes nothing any more, whatever it still believes. While leadership is being handed
 * over nothing can be written: it is tried again, in the order of the calls, until that has come to its end.
 */
import { type Clock, pause } from "../../base/clock.ts";
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

/** Refusals of the group that come before the log. */
const NOTHING_DONE: ReadonlySet<string> = new Set(["consensus.not_leader", "consensus.lost"]);

/** People's maps begin otherwise: their names are checked where they come in. */
export const MASTERS_MAP = `${PRIVATE_PREFIX}masters`;

/** A transfer that fails takes an election's time. */
const AGAIN_MS = 20;
/** Nothing was done, and the same may go through later. */
const HELD_UP: ReadonlySet<string> = new Set(["consensus.in_progress", "consensus.overloaded"]);

export class GroupKept implements KeptState {
  readonly #held: HeldGroup;
  readonly #term: number;
  readonly #clock: Clock;
  /** The last of those that are held up: later ones wait behind it. */
  #line: Promise<unknown> | undefined;

  constructor(held: HeldGroup, term: number, clock: Clock) {
    this.#held = held;
    this.#term = term;
    this.#clock = clock;
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
    const command = commandOf(changes);
    const outcome = (this.#line ? undefined : await this.#once(command)) ?? (await this.#inLine(command));
    if (!outcome.ok) throw failureOf(outcome);
  }

  /** Behind all that is held up. */
  #inLine(command: Uint8Array): Promise<Outcome> {
    const done = (this.#line ?? Promise.resolve()).then(() => this.#untilDone(command));
    const place = done.then(
      () => {},
      () => {}, // whoever has written hears of it
    );
    this.#line = place;
    void place.then(() => {
      if (this.#line === place) this.#line = undefined;
    });
    return done;
  }

  async #untilDone(command: Uint8Array): Promise<Outcome> {
    for (;;) {
      const outcome = await this.#once(command);
      if (outcome) return outcome;
      await pause(this.#clock, AGAIN_MS);
    }
  }

  /** Undefined: nothing was done, and this master leads still. */
  async #once(command: Uint8Array): Promise<Outcome | undefined> {
    try {
      return (await this.#held.life.group.propose(command, { term: this.#term })) as Outcome; // what every command answers
    } catch (thrown) {
      const failure = toFailure(thrown, "consensus.defect");
      const { isLeading, term } = this.#held.leadership;
      if (isLeading && term === this.#term && HELD_UP.has(failure.code)) return undefined;
      // Nothing comes of it any more, or nobody here may know: either way another one goes on.
      const data = NOTHING_DONE.has(failure.code) ? { data: { isUntouched: true } } : {};
      throw new Failure(DEPOSED, `this master leads no more: ${failure.message}`, { cause: failure, ...data });
    }
  }
}

function commandOf(changes: readonly KeptChange[]): Uint8Array {
  const then = changes.map((change) =>
    "value" in change
      ? ({ type: "map.put", map: MASTERS_MAP, key: change.key, value: change.value } as const)
      : ({ type: "map.delete", map: MASTERS_MAP, key: change.key } as const),
  );
  return encodeCommand({ command: { type: "transaction", transaction: { compare: [], then, else: [] } } });
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
