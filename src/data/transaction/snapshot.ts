/** Both sides in snapshots: a head with the counts, then records, prepared parts and both memories, each in its own order. */
import { Failure } from "../../base/errors.ts";
import { inPieces, listOf, optional, pieceFault, textOf, wholeOf } from "../structure/index.ts";
import { RECORD_BYTES } from "../words/index.ts";
import type { Coordinator, CoordinatorRecord, Verdict } from "./coordinator.ts";
import { type Remembered, readRemembered, writeRemembered } from "./memory.ts";
import { type Part, type PartPorts, partBytes } from "./part.ts";
import type { Participant, Prepared } from "./participant.ts";

type RecordCopy = Pick<CoordinatorRecord, "dueMs" | "id" | "participants" | "verdict"> & {
  readonly unfinished: string[];
};

export interface Copy {
  readonly records: readonly RecordCopy[];
  readonly prepared: readonly Prepared[];
  readonly decidedHere: readonly Remembered[];
  readonly endedHere: readonly Remembered[];
}

export function copyOf(coordinator: Coordinator, participant: Participant): Copy {
  return {
    records: Array.from(coordinator.records.values(), (record) => ({ ...record, unfinished: [...record.unfinished] })),
    prepared: [...participant.prepared.values()],
    decidedHere: coordinator.memory.list(),
    endedHere: participant.memory.list(),
  };
}

export function* piecesOf({ records, prepared, decidedHere, endedHere }: Copy, ports: PartPorts): Generator<unknown> {
  yield [records.length, prepared.length, decidedHere.length, endedHere.length];
  yield* inPieces(records, writeRecord, ({ participants }) => participants.length * RECORD_BYTES);
  yield* inPieces(
    prepared,
    (each) => [each.id, each.coordinator, each.askMs, ports.write(each.part)],
    ({ part }) => partBytes(part),
  );
  for (const memory of [decidedHere, endedHere]) yield* inPieces(memory, writeRemembered, ({ id }) => id.length + 16);
}

/** Into a coordinator and a participant that are empty. */
export function readInto(
  pieces: Iterable<unknown>,
  { coordinator, participant }: { readonly coordinator: Coordinator; readonly participant: Participant },
  ports: PartPorts,
): void {
  const [head, ...rest] = pieces;
  const counts = listOf(head, "the head of the transactions", 4).map((count) =>
    wholeOf(count, "a number of transactions"),
  );
  const rows = rest.flatMap((piece) => listOf(piece, "a piece of transactions"));
  const [records = 0, prepared = 0, decidedHere = 0, endedHere = 0] = counts;
  const total = records + prepared + decidedHere + endedHere;
  if (rows.length !== total) throw pieceFault("the transactions", rows, `a list of ${total}`);
  const fromPrepared = records;
  const fromDecided = fromPrepared + prepared;
  const fromEnded = fromDecided + decidedHere;
  for (const row of rows.slice(0, fromPrepared)) readRecord(row, coordinator);
  for (const row of rows.slice(fromPrepared, fromDecided)) readPrepared(row, participant, ports);
  for (const row of rows.slice(fromDecided, fromEnded)) readRemembered(row, coordinator.memory);
  for (const row of rows.slice(fromEnded)) readRemembered(row, participant.memory);
}

function writeRecord({ id, participants, dueMs, verdict, unfinished }: RecordCopy): unknown {
  return [
    id,
    participants,
    dueMs,
    verdict === undefined ? null : [verdict.decision === "commit", verdict.atMs],
    unfinished,
  ];
}

function readRecord(row: unknown, coordinator: Coordinator): void {
  const [idRead, participants, dueMs, verdict, unfinished] = listOf(row, "a coordinator's record", 5);
  const id = textOf(idRead, "a transaction's id");
  if (coordinator.records.has(id)) throw pieceFault("a transaction's id", id, "each id once");
  coordinator.add({
    id,
    participants: namesOf(participants, "participants"),
    dueMs: wholeOf(dueMs, "a transaction's end"),
    verdict: optional(verdict, readVerdict),
    unfinished: new Set(namesOf(unfinished, "unfinished participants")),
  });
}

function readVerdict(row: unknown): Verdict {
  const [isCommit, atMs] = listOf(row, "a verdict", 2);
  if (typeof isCommit !== "boolean") throw pieceFault("a verdict", isCommit, "true or false");
  return { decision: isCommit ? "commit" : "abort", atMs: wholeOf(atMs, "a verdict's time") };
}

function readPrepared(row: unknown, participant: Participant, ports: PartPorts): void {
  const [idRead, coordinator, askMs, part] = listOf(row, "a prepared part", 4);
  const id = textOf(idRead, "a transaction's id");
  if (participant.prepared.has(id)) throw pieceFault("a prepared part's id", id, "each id once");
  participant.add({
    id,
    coordinator: textOf(coordinator, "a coordinator"),
    askMs: wholeOf(askMs, "a prepared part's time"),
    part: readPart(part, ports),
  });
}

function readPart(written: unknown, ports: PartPorts): Part {
  try {
    return ports.read(written);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    throw new Failure("data.snapshot", `reading a snapshot: a prepared part: ${thrown.message}`, { cause: thrown });
  }
}

function namesOf(list: unknown, what: string): string[] {
  return listOf(list, what).map((name) => textOf(name, what));
}
