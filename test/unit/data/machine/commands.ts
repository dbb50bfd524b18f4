/** Random commands over few names and keys, so that they meet; and a machine that is fed like a group's. */
import fc from "fast-check";
import { DataMachine, type DataMachineOptions, encodeCommand } from "../../../../src/data/machine/index.ts";
import type {
  Command,
  Compare,
  MarkedCommand,
  Outcome,
  TransactionOperation,
} from "../../../../src/data/words/index.ts";

export const map = fc.constantFrom("accounts", "config");
export const key = fc.constantFrom("a", "b", "b1", "c", "é", "\u{10000}");
export const value = fc.oneof(fc.string({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }));
const counter = fc.constantFrom("hits", "misses");
const lock = fc.constantFrom("leader", "door");
const holder = fc.constantFrom("ann", "bob", "eve");
const queue = fc.constantFrom("jobs", "mails");
const ttlMs = fc.integer({ min: 100, max: 2_000 });
/** Ids come from indexes of the log, revisions and tokens from counters: small numbers are met. */
const number = fc.integer({ min: 1, max: 60 });
const is = fc.constantFrom("=" as const, "!=" as const, "<" as const, ">" as const);
const lease = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: number });
const token = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 9 }));
const group = fc.constantFrom("main", "other");
const id = fc.constantFrom("t1", "t2", "t3");
const receipts = fc.array(fc.record({ id: number, delivery: fc.integer({ min: 1, max: 3 }) }), {
  minLength: 1,
  maxLength: 4,
});
const end = fc.option(key, { nil: undefined });
const delayMs = fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined });

const put = fc.record({ type: fc.constant("map.put" as const), map, key, value, lease });
const enqueue = fc.record({
  type: fc.constant("queue.enqueue" as const),
  queue,
  values: fc.array(value, { minLength: 1, maxLength: 3 }),
  delayMs,
});

const operation: fc.Arbitrary<TransactionOperation> = fc.oneof(
  put,
  fc.record({ type: fc.constant("map.delete" as const), map, key }),
  fc.record({ type: fc.constant("map.deleteRange" as const), map, key, end }),
  fc.record({ type: fc.constant("map.get" as const), map, key }),
  fc.record({ type: fc.constant("counter.add" as const), counter, by: fc.integer({ min: -5, max: 5 }) }),
  fc.record({ type: fc.constant("counter.set" as const), counter, to: fc.maxSafeInteger() }),
  enqueue,
);

const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({ type: fc.constant("value" as const), map, key, is, value }),
  fc.record({
    type: fc.constantFrom("revision" as const, "created" as const, "version" as const),
    map,
    key,
    is,
    than: fc.nat(30),
  }),
  fc.record({ type: fc.constantFrom("exists" as const, "absent" as const), map, key }),
  fc.record({ type: fc.constant("counter" as const), counter, is, than: fc.integer({ min: -5, max: 5 }) }),
  fc.record({ type: fc.constant("lock" as const), lock, token: number }),
);

const operations = fc.array(operation, { maxLength: 4 });
const compares = fc.array(compare, { maxLength: 2 });

export const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: operation.filter((each): each is Exclude<typeof each, { type: "map.get" }> => each.type !== "map.get"),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("map.cas" as const),
      map,
      key,
      expect: fc.oneof(
        fc.record({ value }),
        fc.record({ revision: fc.nat(30) }),
        fc.constant({ absent: true as const }),
      ),
      value: fc.option(value, { nil: undefined }),
      lease,
    }),
  },
  fc.record({ type: fc.constant("map.compact" as const), revision: fc.nat(30) }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant("lease.grant" as const), ttlMs }) },
  fc.record({ type: fc.constantFrom("lease.keep" as const, "lease.revoke" as const), lease: number }),
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("lock.acquire" as const), lock, holder, ttlMs, waits: fc.boolean() }),
  },
  fc.record({ type: fc.constant("lock.keep" as const), lock, holder, token: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ type: fc.constant("lock.release" as const), lock, holder, token }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("queue.dequeue" as const),
      queue,
      count: fc.integer({ min: 1, max: 3 }),
      visibilityMs: ttlMs,
      consumer: holder,
    }),
  },
  fc.record({ type: fc.constant("queue.ack" as const), queue, receipts }),
  fc.record({ type: fc.constant("queue.nack" as const), queue, receipts, delayMs }),
  fc.record({ type: fc.constant("queue.extend" as const), queue, receipts, visibilityMs: ttlMs }),
  fc.record({
    type: fc.constant("queue.configure" as const),
    queue,
    settings: fc.record({ deliveriesMax: fc.constantFrom(undefined, 1, 2), dedupeMs: fc.constantFrom(undefined, 500) }),
  }),
  fc.record({ type: fc.constant("queue.purge" as const), queue }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("transaction" as const),
      // biome-ignore lint/suspicious/noThenProperty: the word of transactions
      transaction: fc.record({ compare: compares, then: operations, else: operations }),
    }),
  },
  fc.record({
    type: fc.constant("distributed.begin" as const),
    id,
    participants: fc.constant(["main", "other"]),
    timeoutMs: ttlMs,
  }),
  fc.record({
    type: fc.constant("distributed.decide" as const),
    id,
    decision: fc.constantFrom("commit" as const, "abort" as const),
  }),
  fc.record({ type: fc.constant("distributed.finished" as const), id, participant: group }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("distributed.prepare" as const),
      id,
      coordinator: group,
      // biome-ignore lint/suspicious/noThenProperty: as above
      part: fc.record({ compare: compares, then: operations }),
      timeoutMs: ttlMs,
    }),
  },
  fc.record({ type: fc.constantFrom("distributed.commit" as const, "distributed.abort" as const), id }),
  fc.constant({ type: "tick" as const }),
);

/** An entry of the log: now and then of a session, now and then one that was there before, and time passes unevenly. */
export const entry = fc.record({
  command,
  passedMs: fc.constantFrom(0, 0, 0, 0, 0, 1, 5, 40, 40, 300, 1_500),
  session: fc.constantFrom(undefined, "s1", "s2"),
});

export type Step = typeof entry extends fc.Arbitrary<infer Item> ? Item : never;

export interface LogEntry {
  readonly data: Uint8Array;
  readonly index: number;
  readonly clockMs: number;
}

/** As a leader would write them: sessions count their sequences. */
export function logOf(steps: readonly Step[]): LogEntry[] {
  const sequences = new Map<string, number>();
  const grants: number[] = [];
  let clockMs = 0;
  return steps.map(({ command: each, passedMs, session }, at) => {
    clockMs += passedMs;
    const sequence = (sequences.get(session ?? "") ?? 0) + 1;
    sequences.set(session ?? "", sequence);
    const mark = session && { session, sequence, received: Math.max(0, sequence - 4) };
    if (each.type === "lease.grant") grants.push(at + 1);
    return { data: encodeCommand({ command: leased(each, grants), mark: mark || undefined }), index: at + 1, clockMs };
  });
}

/** Its number of a lease becomes that of one of the last leases that there are. */
function leased(each: Command, grants: readonly number[]): Command {
  if (!("lease" in each) || each.lease === undefined || grants.length === 0) return each;
  return { ...each, lease: grants[Math.max(0, grants.length - 1 - (each.lease % 3))]! };
}

/** A machine under test, and the index and clock of its log. */
export class Fed {
  readonly machine: DataMachine;
  index = 0;
  clockMs = 0;

  constructor(options: DataMachineOptions = {}) {
    this.machine = new DataMachine(options);
  }

  /** The next entry. */
  apply(each: Command, mark?: MarkedCommand["mark"]): Outcome {
    return this.applyBytes(encodeCommand({ command: each, mark }));
  }

  applyBytes(data: Uint8Array): Outcome {
    this.index++;
    return this.machine.apply(data, { index: this.index, clockMs: this.clockMs });
  }

  /** The reply of a command that has to go through. */
  done(each: Command, mark?: MarkedCommand["mark"]): unknown {
    const outcome = this.apply(each, mark);
    if (!outcome.ok) throw new Error(`${each.type} was refused: ${outcome.code}: ${outcome.message}`);
    return outcome.reply;
  }

  /** The code of a command that must not. */
  refusal(each: Command, mark?: MarkedCommand["mark"]): string {
    const outcome = this.apply(each, mark);
    if (outcome.ok) throw new Error(`${each.type} was not refused: ${JSON.stringify(outcome.reply)}`);
    return outcome.code;
  }

  pass(ms: number): void {
    this.clockMs += ms;
    this.apply({ type: "tick" });
  }
}
