/**
 * Transactions on one group: what must hold, what is done then, and what is done otherwise, in one step. The words are those of the
 * commands; `check` and `change` make them, and the builder collects them.
 */
import type { CallOptions } from "../../wire/rpc/index.ts";
import { fromWire, toWire, type WireValue } from "../contract/index.ts";
import type { Compare, OperationReply, TransactionOperation, TransactionReply, Value } from "../words/index.ts";
import type { Calls } from "./calls.ts";

type Is = "=" | "!=" | "<" | ">";

/** What must hold. A key that is not there has revision and version 0. */
export const check = {
  value: (map: string, key: string, is: Is, value: Value): Compare => ({ type: "value", map, key, is, value }),
  /** Of its last change. */
  revision: (map: string, key: string, is: Is, than: number): Compare => ({ type: "revision", map, key, is, than }),
  /** How often it was put since it was created. */
  version: (map: string, key: string, is: Is, than: number): Compare => ({ type: "version", map, key, is, than }),
  exists: (map: string, key: string): Compare => ({ type: "exists", map, key }),
  absent: (map: string, key: string): Compare => ({ type: "absent", map, key }),
  counter: (counter: string, is: Is, than: number): Compare => ({ type: "counter", counter, is, than }),
  /** Held under this token: whoever has lost the lock changes nothing any more. */
  held: (lock: string, token: number): Compare => ({ type: "lock", lock, token }),
} as const;

export const change = {
  put: (map: string, key: string, value: Value, lease?: number): TransactionOperation => ({
    type: "map.put",
    map,
    key,
    value,
    ...(lease !== undefined && { lease }),
  }),
  delete: (map: string, key: string): TransactionOperation => ({ type: "map.delete", map, key }),
  deleteRange: (map: string, key: string, end?: string): TransactionOperation => ({
    type: "map.deleteRange",
    map,
    key,
    ...(end !== undefined && { end }),
  }),
  /** Answers with the entry as it is at this point. */
  get: (map: string, key: string): TransactionOperation => ({ type: "map.get", map, key }),
  add: (counter: string, by: number): TransactionOperation => ({ type: "counter.add", counter, by }),
  set: (counter: string, to: number): TransactionOperation => ({ type: "counter.set", counter, to }),
  enqueue: (
    queue: string,
    values: Value | readonly Value[],
    options: { readonly delayMs?: number; readonly dedupeKey?: string } = {},
  ): TransactionOperation => ({
    type: "queue.enqueue",
    queue,
    values: typeof values === "string" || values instanceof Uint8Array ? [values] : values,
    ...options,
  }),
} as const;

/** `when` … `do` … `otherwise` …, and `run`. */
export class TransactionBuilder {
  readonly #compare: Compare[] = [];
  readonly #then: TransactionOperation[] = [];
  readonly #else: TransactionOperation[] = [];
  readonly #group: string;
  readonly #calls: Pick<Calls, "txn">;

  constructor(group: string, calls: Pick<Calls, "txn">) {
    this.#group = group;
    this.#calls = calls;
  }

  when(...compares: readonly Compare[]): this {
    this.#compare.push(...compares);
    return this;
  }

  do(...operations: readonly TransactionOperation[]): this {
    this.#then.push(...operations);
    return this;
  }

  otherwise(...operations: readonly TransactionOperation[]): this {
    this.#else.push(...operations);
    return this;
  }

  run(options?: CallOptions): Promise<TransactionReply> {
    const input = { group: this.#group, ...toldPart(this.#compare, this.#then), else: this.#else.map(toldOperation) };
    return runTransaction(this.#calls, input, options);
  }
}

/** As the contract takes it. */
export async function runTransaction(
  calls: Pick<Calls, "txn">,
  input: Parameters<Calls["txn"]["run"]>[0],
  options?: CallOptions,
): Promise<TransactionReply> {
  const { replies, ...reply } = await calls.txn.run(input, options);
  return { ...reply, replies: replies.map(replyFrom) };
}

/** What must hold in one group and what is done then, as JSON tells it. */
export function toldPart(compares: readonly Compare[], operations: readonly TransactionOperation[]) {
  // biome-ignore lint/suspicious/noThenProperty: a list, which nobody takes for a promise
  return { compare: compares.map(toldCompare), then: operations.map(toldOperation) };
}

function toldCompare(compare: Compare) {
  return compare.type === "value" ? { ...compare, value: toWire(compare.value) } : compare;
}

export function toldOperation(operation: TransactionOperation) {
  if (operation.type === "map.put") return { ...operation, value: toWire(operation.value) };
  if (operation.type === "queue.enqueue") return { ...operation, values: operation.values.map(toWire) };
  return operation;
}

type ToldReply = Awaited<ReturnType<Calls["txn"]["run"]>>["replies"][number];

function replyFrom(told: ToldReply): OperationReply {
  if ("entry" in told) return { entry: told.entry && withValue(told.entry) };
  if ("previous" in told && told.previous) return { ...told, previous: withValue(told.previous) };
  return told as OperationReply; // without values it is told as it is
}

function withValue<T extends { readonly value: unknown }>(told: T): Omit<T, "value"> & { readonly value: Value } {
  return { ...told, value: fromWire(told.value as WireValue) };
}
