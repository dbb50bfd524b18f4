/**
 * Transactions over several groups, written as a function that reads and writes. Reads note revisions, writes wait until the function
 * has returned; then all of it is done if nobody has changed what was read, in one step where all is in one group, by two-phase
 * commit where it is not. Otherwise the function is called again, until the time is over. It must have no effects of its own.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { DISTRIBUTED_TIMEOUT_MS_MAX, MAIN_GROUP } from "../contract/index.ts";
import type { Compare, Entry, TransactionOperation, Value } from "../words/index.ts";
import type { Calls } from "./calls.ts";
import { conflictPause } from "./conflict.ts";
import { optionalEntry } from "./entry.ts";
import { TRANSACTION_MS_DEFAULT } from "./limits.ts";
import { change, check, runTransaction, toldPart } from "./transaction.ts";

export interface DistributedOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface DistributedPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
}

/** A map by its name, in the main group; or a map of any group. */
export type MapPlace = string | { readonly name: string; readonly group: string };

interface Touched {
  readonly map: string;
  readonly key: string;
  readonly entry: Entry | undefined;
}

interface Part {
  readonly reads: Map<string, Touched>;
  readonly writes: Map<string, TransactionOperation>;
  readonly others: TransactionOperation[];
}

export class DistributedTransaction {
  readonly #calls: Pick<Calls, "map">;
  readonly #call: { readonly timeoutMs: number; readonly signal?: AbortSignal };
  readonly #parts = new Map<string, Part>();

  constructor(calls: Pick<Calls, "map">, call: { readonly timeoutMs: number; readonly signal?: AbortSignal }) {
    this.#calls = calls;
    this.#call = call;
  }

  /** As it was when it was read first, or as this transaction has changed it. */
  async get(place: MapPlace, key: string): Promise<Value | undefined> {
    const { group, map } = placeOf(place);
    const part = this.#part(group);
    const id = idOf(map, key);
    const written = part.writes.get(id);
    if (written) return written.type === "map.put" ? written.value : undefined;
    const known = part.reads.get(id);
    if (known) return known.entry?.value;
    const entry = optionalEntry((await this.#calls.map.get({ group, map, key }, this.#call)).entry);
    part.reads.set(id, { map, key, entry });
    return entry?.value;
  }

  put(place: MapPlace, key: string, value: Value): void {
    const { group, map } = placeOf(place);
    this.#part(group).writes.set(idOf(map, key), change.put(map, key, value));
  }

  delete(place: MapPlace, key: string): void {
    const { group, map } = placeOf(place);
    this.#part(group).writes.set(idOf(map, key), change.delete(map, key));
  }

  /** What the function gives is its value from now on; undefined deletes. */
  async update(place: MapPlace, key: string, fn: (value: Value | undefined) => Value | undefined): Promise<void> {
    const value = fn(await this.get(place, key));
    if (value === undefined) this.delete(place, key);
    else this.put(place, key, value);
  }

  /** Counters and queues need no reading. */
  add(place: MapPlace, by: number): void {
    const { group, map: counter } = placeOf(place);
    this.#part(group).others.push(change.add(counter, by));
  }

  enqueue(place: MapPlace, values: Value | readonly Value[]): void {
    const { group, map: queue } = placeOf(place);
    this.#part(group).others.push(change.enqueue(queue, values));
  }

  /** What is to be done in each group that was touched, as JSON tells it. */
  parts(): ({ readonly group: string } & ReturnType<typeof toldPart>)[] {
    return [...this.#parts].map(([group, { others, reads, writes }]) => ({
      group,
      ...toldPart([...reads.values()].map(unchanged), [...writes.values(), ...others]),
    }));
  }

  #part(group: string): Part {
    const known = this.#parts.get(group);
    if (known) return known;
    const part: Part = { reads: new Map(), writes: new Map(), others: [] };
    this.#parts.set(group, part);
    return part;
  }
}

/** Gives what the function gives. Fails with `data.conflict` when others were faster until the time was over. */
export async function runDistributedTransaction<T>(
  calls: Pick<Calls, "map" | "txn">,
  ports: DistributedPorts,
  fn: (transaction: DistributedTransaction) => T | Promise<T>,
  { signal, timeoutMs = TRANSACTION_MS_DEFAULT }: DistributedOptions = {},
): Promise<T> {
  const deadlineMs = ports.clock.monotonic() + timeoutMs;
  for (let tries = 0; ; tries++) {
    const call = {
      timeoutMs: Math.max(0, deadlineMs - ports.clock.monotonic()),
      ...(signal && { signal }),
    };
    const transaction = new DistributedTransaction(calls, call);
    const result = await fn(transaction);
    const conflict = await commit(calls, transaction.parts(), ports, {
      ...call,
      timeoutMs: Math.max(0, deadlineMs - ports.clock.monotonic()),
    });
    if (conflict === undefined) return result;
    if (await conflictPause(ports, { tries, deadlineMs, signal })) continue;
    const message = `a transaction was not done within ${timeoutMs} ms, after ${tries + 1} tries: ${conflict}`;
    throw new Failure("data.conflict", message, { retryable: true });
  }
}

/** Why it was not done, or undefined: it is. */
async function commit(
  calls: Pick<Calls, "txn">,
  parts: ReturnType<DistributedTransaction["parts"]>,
  { newId }: DistributedPorts,
  call: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  const [first, ...more] = parts;
  if (!first) return undefined;
  if (more.length === 0) {
    const { succeeded } = await runTransaction(calls, first, call);
    return succeeded ? undefined : "others have changed what it has read";
  }
  const timeoutMs = Math.min(DISTRIBUTED_TIMEOUT_MS_MAX, Math.max(TIMEOUT_MS_MIN, Math.floor(call.timeoutMs)));
  const input = { id: newId(), parts, timeoutMs };
  const { reason = "it was aborted", retryable = false, state } = await calls.txn.distributed(input, call);
  if (state === "committed") return undefined;
  if (retryable) return reason;
  throw new Failure("data.aborted", `a transaction over ${parts.map(({ group }) => group).join(", ")}: ${reason}`);
}

/** The contract takes none that is shorter. */
const TIMEOUT_MS_MIN = 100;

function unchanged({ entry, key, map }: Touched): Compare {
  return entry ? check.revision(map, key, "=", entry.revision) : check.absent(map, key);
}

function placeOf(place: MapPlace): { readonly group: string; readonly map: string } {
  return typeof place === "string" ? { group: MAIN_GROUP, map: place } : { group: place.group, map: place.name };
}

/** One text for both, whatever they hold. */
function idOf(map: string, key: string): string {
  return JSON.stringify([map, key]);
}
