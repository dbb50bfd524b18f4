/** A participant's part of a distributed transaction, and what it needs of the group's other structures. */
import {
  type Compare,
  type Moment,
  type OperationReply,
  RECORD_BYTES,
  type Refused,
  type Transaction,
  type TransactionOperation,
  valueBytes,
} from "../words/index.ts";

export type Part = Pick<Transaction, "compare" | "then">;

export interface PartPorts {
  /**
   * Does all of `compare` hold, and could all of `then` be carried out? Otherwise why not; `retryable` when a later transaction may do
   * better (a comparison that does not hold, what is locked or full). Locks of prepared parts are not its matter.
   */
  evaluate(part: Part, moment: Moment): Refused | undefined;
  /** Carries `then` out, at one revision. It was evaluated once and cannot be refused any more: it passes all bounds. */
  apply(part: Part, moment: Moment): readonly OperationReply[];
  /** A part as plain data for snapshots, and back; `read` fails with any `Failure` on what `write` does not give. */
  write(part: Part): unknown;
  read(written: unknown): Part;
}

export function partBytes({ compare, then }: Part): number {
  let bytes = 2 * RECORD_BYTES;
  for (const each of compare) bytes += compareBytes(each);
  for (const each of then) bytes += operationBytes(each);
  return bytes;
}

function compareBytes(compare: Compare): number {
  const names = "map" in compare ? compare.map.length + compare.key.length : 0;
  return RECORD_BYTES + names + (compare.type === "value" ? valueBytes(compare.value) : 0);
}

function operationBytes(operation: TransactionOperation): number {
  const names = "map" in operation ? operation.map.length + operation.key.length : 0;
  if (operation.type === "map.put") return RECORD_BYTES + names + valueBytes(operation.value);
  if (operation.type !== "queue.enqueue") return RECORD_BYTES + names;
  return operation.values.reduce((bytes, value) => bytes + valueBytes(value), RECORD_BYTES);
}
