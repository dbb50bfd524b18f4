/**
 * How each command looks as bytes: a number for its kind and its fields by position. Both ways stand side by side, so that they cannot
 * differ. Numbers are never used again for anything else: logs and snapshots on disks hold them.
 */
import {
  type Command,
  MESSAGES_AT_ONCE_MAX,
  PARTICIPANTS_MAX,
  TRANSACTION_OPERATIONS_MAX,
  type Transaction,
  type TransactionOperation,
  TTL_MS_MAX,
  TTL_MS_MIN,
} from "../words/index.ts";
import { type Fields, malformed } from "./fields.ts";
import {
  readCompares,
  readExpect,
  readReceipts,
  readSettings,
  writeCompare,
  writeExpect,
  writeReceipts,
  writeSettings,
} from "./form-parts.ts";

type Type = Command["type"] | "map.get";
type Of<T extends Type> = Extract<Command | TransactionOperation, { readonly type: T }>;

/** Of a distributed transaction. */
type Part = Pick<Transaction, "compare" | "then">;

interface Form<C> {
  readonly code: number;
  write(command: C): unknown[];
  read(fields: Fields): C;
}

const DECISIONS = ["commit", "abort"] as const;

const ttl = (fields: Fields, field = "ttlMs"): number => fields.whole(field, TTL_MS_MIN, TTL_MS_MAX);
const id = (fields: Fields, field: string): number => fields.whole(field, 1);

const MAP_FORMS: { readonly [T in Extract<Type, `map.${string}`>]: Form<Of<T>> } = {
  "map.put": {
    code: 1,
    write: ({ map, key, value, lease }) => (lease === undefined ? [map, key, value] : [map, key, value, lease]),
    read: (f) => ({
      type: "map.put",
      map: f.name("map"),
      key: f.key(),
      value: f.value(),
      lease: f.optionalWhole("lease", 1),
    }),
  },
  "map.delete": {
    code: 2,
    write: ({ map, key }) => [map, key],
    read: (f) => ({ type: "map.delete", map: f.name("map"), key: f.key() }),
  },
  "map.deleteRange": {
    code: 3,
    write: ({ map, key, end }) => [map, key, end ?? null],
    read: (f) => ({ type: "map.deleteRange", map: f.name("map"), key: f.key(), end: f.optionalKey("end") }),
  },
  "map.cas": {
    code: 4,
    write: ({ map, key, expect, value, lease }) => [map, key, writeExpect(expect), value ?? null, lease ?? null],
    read: (f) => ({
      type: "map.cas",
      map: f.name("map"),
      key: f.key(),
      expect: readExpect(f),
      value: f.optionalValue("value"),
      lease: f.optionalWhole("lease", 1),
    }),
  },
  "map.compact": {
    code: 5,
    write: ({ revision }) => [revision],
    read: (f) => ({ type: "map.compact", revision: f.whole("revision", 0) }),
  },
  "map.get": {
    code: 6,
    write: ({ map, key }) => [map, key],
    read: (f) => ({ type: "map.get", map: f.name("map"), key: f.key() }),
  },
};

const LEASE_FORMS: { readonly [T in Extract<Type, `lease.${string}`>]: Form<Of<T>> } = {
  "lease.grant": {
    code: 10,
    write: ({ ttlMs }) => [ttlMs],
    read: (f) => ({ type: "lease.grant", ttlMs: ttl(f) }),
  },
  "lease.keep": {
    code: 11,
    write: ({ lease }) => [lease],
    read: (f) => ({ type: "lease.keep", lease: id(f, "lease") }),
  },
  "lease.revoke": {
    code: 12,
    write: ({ lease }) => [lease],
    read: (f) => ({ type: "lease.revoke", lease: id(f, "lease") }),
  },
};

const COUNTER_FORMS: { readonly [T in Extract<Type, `counter.${string}`>]: Form<Of<T>> } = {
  "counter.add": {
    code: 20,
    write: ({ counter, by }) => [counter, by],
    read: (f) => ({
      type: "counter.add",
      counter: f.name("counter"),
      by: f.whole("by", Number.MIN_SAFE_INTEGER),
    }),
  },
  "counter.set": {
    code: 21,
    write: ({ counter, to }) => [counter, to],
    read: (f) => ({
      type: "counter.set",
      counter: f.name("counter"),
      to: f.whole("to", Number.MIN_SAFE_INTEGER),
    }),
  },
};

const LOCK_FORMS: { readonly [T in Extract<Type, `lock.${string}`>]: Form<Of<T>> } = {
  "lock.acquire": {
    code: 30,
    write: ({ lock, holder, ttlMs, waits }) => [lock, holder, ttlMs, waits],
    read: (f) => ({
      type: "lock.acquire",
      lock: f.name("lock"),
      holder: f.name("holder"),
      ttlMs: ttl(f),
      waits: f.flag("waits"),
    }),
  },
  "lock.keep": {
    code: 31,
    write: ({ lock, holder, token }) => [lock, holder, token],
    read: (f) => ({ type: "lock.keep", lock: f.name("lock"), holder: f.name("holder"), token: id(f, "token") }),
  },
  "lock.release": {
    code: 32,
    write: ({ lock, holder, token }) => [lock, holder, token ?? null],
    read: (f) => ({
      type: "lock.release",
      lock: f.name("lock"),
      holder: f.name("holder"),
      token: f.optionalWhole("token", 1),
    }),
  },
};

const QUEUE_FORMS: { readonly [T in Extract<Type, `queue.${string}`>]: Form<Of<T>> } = {
  "queue.enqueue": {
    code: 40,
    write: ({ queue, values, delayMs, dedupeKey }) => [queue, values, delayMs ?? null, dedupeKey ?? null],
    read: (f) => {
      const queue = f.name("queue");
      const values = f.list("values", 1, MESSAGES_AT_ONCE_MAX, (each) => each.value());
      const delayMs = f.optionalWhole("delayMs", 0, TTL_MS_MAX);
      const dedupeKey = f.optionalKey("dedupeKey");
      if (dedupeKey !== undefined && values.length !== 1) {
        throw malformed("queue.enqueue: values with a dedupe key", values, "one value");
      }
      return { type: "queue.enqueue", queue, values, delayMs, dedupeKey };
    },
  },
  "queue.dequeue": {
    code: 41,
    write: ({ queue, count, visibilityMs, consumer }) => [queue, count, visibilityMs, consumer],
    read: (f) => ({
      type: "queue.dequeue",
      queue: f.name("queue"),
      count: f.whole("count", 1, MESSAGES_AT_ONCE_MAX),
      visibilityMs: ttl(f, "visibilityMs"),
      consumer: f.name("consumer"),
    }),
  },
  "queue.ack": {
    code: 42,
    write: ({ queue, receipts }) => [queue, writeReceipts(receipts)],
    read: (f) => ({ type: "queue.ack", queue: f.name("queue"), receipts: readReceipts(f) }),
  },
  "queue.nack": {
    code: 43,
    write: ({ queue, receipts, delayMs }) => [queue, writeReceipts(receipts), delayMs ?? null],
    read: (f) => ({
      type: "queue.nack",
      queue: f.name("queue"),
      receipts: readReceipts(f),
      delayMs: f.optionalWhole("delayMs", 0, TTL_MS_MAX),
    }),
  },
  "queue.extend": {
    code: 44,
    write: ({ queue, receipts, visibilityMs }) => [queue, writeReceipts(receipts), visibilityMs],
    read: (f) => ({
      type: "queue.extend",
      queue: f.name("queue"),
      receipts: readReceipts(f),
      visibilityMs: ttl(f, "visibilityMs"),
    }),
  },
  "queue.configure": {
    code: 45,
    write: ({ queue, settings }) => [queue, writeSettings(settings)],
    read: (f) => ({ type: "queue.configure", queue: f.name("queue"), settings: f.nested("settings", readSettings) }),
  },
  "queue.purge": {
    code: 46,
    write: ({ queue }) => [queue],
    read: (f) => ({ type: "queue.purge", queue: f.name("queue") }),
  },
};

const OTHER_FORMS: { readonly [T in Extract<Type, "transaction" | "tick" | `distributed.${string}`>]: Form<Of<T>> } = {
  transaction: {
    code: 50,
    write: ({ transaction: t }) => [
      t.compare.map(writeCompare),
      t.then.map(writeOperation),
      t.else.map(writeOperation),
    ],
    read: (f) => ({
      type: "transaction",
      // biome-ignore lint/suspicious/noThenProperty: the word of transactions; nobody awaits one
      transaction: { compare: readCompares(f), then: readOperations(f, "then"), else: readOperations(f, "else") },
    }),
  },
  "distributed.begin": {
    code: 60,
    write: ({ id: name, participants, timeoutMs }) => [name, participants, timeoutMs],
    read: (f) => ({
      type: "distributed.begin",
      id: f.name("id"),
      participants: f.list("participants", 1, PARTICIPANTS_MAX, (each) => each.name("group")),
      timeoutMs: ttl(f, "timeoutMs"),
    }),
  },
  "distributed.decide": {
    code: 61,
    write: ({ id: name, decision }) => [name, decision],
    read: (f) => ({ type: "distributed.decide", id: f.name("id"), decision: f.oneOf("decision", DECISIONS) }),
  },
  "distributed.finished": {
    code: 62,
    write: ({ id: name, participant }) => [name, participant],
    read: (f) => ({ type: "distributed.finished", id: f.name("id"), participant: f.name("participant") }),
  },
  "distributed.prepare": {
    code: 63,
    write: ({ id: name, coordinator, part, timeoutMs }) => [name, coordinator, ...writePart(part), timeoutMs],
    read: (f) => ({
      type: "distributed.prepare",
      id: f.name("id"),
      coordinator: f.name("coordinator"),
      part: readPart(f),
      timeoutMs: ttl(f, "timeoutMs"),
    }),
  },
  "distributed.commit": {
    code: 64,
    write: ({ id: name }) => [name],
    read: (f) => ({ type: "distributed.commit", id: f.name("id") }),
  },
  "distributed.abort": {
    code: 65,
    write: ({ id: name }) => [name],
    read: (f) => ({ type: "distributed.abort", id: f.name("id") }),
  },
  tick: { code: 70, write: () => [], read: () => ({ type: "tick" }) },
};

const FORMS: { readonly [T in Type]: Form<Of<T>> } = {
  ...MAP_FORMS,
  ...LEASE_FORMS,
  ...COUNTER_FORMS,
  ...LOCK_FORMS,
  ...QUEUE_FORMS,
  ...OTHER_FORMS,
};

const BY_CODE: readonly (Form<Command | TransactionOperation> | undefined)[] = byCode();
/** Those that may stand in a transaction. */
const OPERATION_CODES = new Set(
  (["map.put", "map.delete", "map.deleteRange", "map.get", "counter.add", "counter.set", "queue.enqueue"] as const).map(
    (type) => FORMS[type].code,
  ),
);

/** The command's number and its fields. */
export function writeForm(command: Command | TransactionOperation): [code: number, fields: unknown[]] {
  const form = FORMS[command.type] as Form<Command | TransactionOperation>; // that of its type
  return [form.code, form.write(command)];
}

/** Two fields: what is compared and what is done. */
export function writePart({ compare, then }: Part): [unknown[], unknown[]] {
  return [compare.map(writeCompare), then.map(writeOperation)];
}

export function readPart(fields: Fields): Part {
  // biome-ignore lint/suspicious/noThenProperty: as above
  return { compare: readCompares(fields), then: readOperations(fields, "then") };
}

/** Two fields: the number and the fields of a command. */
export function readForm(fields: Fields): Command {
  const code = fields.whole("kind", 0);
  const form = BY_CODE[code];
  if (form === undefined || code === FORMS["map.get"].code)
    throw malformed("a command: kind", code, "the number of one");
  return fields.nested("fields", form.read) as Command; // map.get, the only operation that is no command, was left out
}

function writeOperation(operation: TransactionOperation): unknown[] {
  return writeForm(operation);
}

function readOperations(fields: Fields, field: string): TransactionOperation[] {
  return fields.list(field, 0, TRANSACTION_OPERATIONS_MAX, (each) => each.nested("operation", readOperation));
}

function readOperation(fields: Fields): TransactionOperation {
  const code = fields.whole("kind", 0);
  const form = BY_CODE[code];
  if (form === undefined || !OPERATION_CODES.has(code)) {
    throw malformed("an operation of a transaction: kind", code, "the number of one");
  }
  return fields.nested("fields", form.read) as TransactionOperation; // by its code
}

function byCode(): (Form<Command | TransactionOperation> | undefined)[] {
  const forms: (Form<Command | TransactionOperation> | undefined)[] = [];
  for (const form of Object.values(FORMS)) forms[form.code] = form as Form<Command | TransactionOperation>; // read by code
  return forms;
}
