/** What several commands have in common, as bytes: comparisons, expectations, receipts, settings. */
import {
  type Command,
  type Compare,
  MESSAGES_AT_ONCE_MAX,
  type QueueSettings,
  type Receipt,
  TRANSACTION_OPERATIONS_MAX,
  TTL_MS_MAX,
} from "../words/index.ts";
import type { Fields } from "./fields.ts";

type Expect = Extract<Command, { readonly type: "map.cas" }>["expect"];

/** Deliveries of one message, and messages of one queue, that a setting may ask for. */
const SETTING_MAX = 1_000_000_000;
const SIGNS = ["=", "!=", "<", ">"] as const;
const COMPARES = ["value", "revision", "created", "version", "exists", "absent", "counter", "lock"] as const;
const EXPECTATIONS = ["value", "revision", "absent"] as const;

export function writeExpect(expect: Expect): unknown[] {
  if ("value" in expect) return ["value", expect.value];
  return "revision" in expect ? ["revision", expect.revision] : ["absent"];
}

export function readExpect(fields: Fields): Expect {
  return fields.nested("expect", (f) => {
    const kind = f.oneOf("kind", EXPECTATIONS);
    if (kind === "value") return { value: f.value() };
    return kind === "revision" ? { revision: f.whole("revision", 0) } : { absent: true as const };
  });
}

export function writeCompare(compare: Compare): unknown[] {
  switch (compare.type) {
    case "value":
      return [compare.type, compare.map, compare.key, compare.is, compare.value];
    case "exists":
    case "absent":
      return [compare.type, compare.map, compare.key];
    case "counter":
      return [compare.type, compare.counter, compare.is, compare.than];
    case "lock":
      return [compare.type, compare.lock, compare.token];
    default:
      return [compare.type, compare.map, compare.key, compare.is, compare.than];
  }
}

export function readCompares(fields: Fields): Compare[] {
  return fields.list("compare", 0, TRANSACTION_OPERATIONS_MAX, (each) => each.nested("one", readCompare));
}

function readCompare(f: Fields): Compare {
  const type = f.oneOf("kind", COMPARES);
  if (type === "counter") {
    return {
      type,
      counter: f.name("counter"),
      is: f.oneOf("is", SIGNS),
      than: f.whole("than", Number.MIN_SAFE_INTEGER),
    };
  }
  if (type === "lock") return { type, lock: f.name("lock"), token: f.whole("token", 1) };
  const map = f.name("map");
  const key = f.key();
  if (type === "exists" || type === "absent") return { type, map, key };
  const is = f.oneOf("is", SIGNS);
  return type === "value" ? { type, map, key, is, value: f.value() } : { type, map, key, is, than: f.whole("than", 0) };
}

export function writeReceipts(receipts: readonly Receipt[]): unknown[] {
  return receipts.map(({ id, delivery }) => [id, delivery]);
}

export function readReceipts(fields: Fields): Receipt[] {
  return fields.list("receipts", 1, MESSAGES_AT_ONCE_MAX, (each) =>
    each.nested("receipt", (f) => ({ id: f.whole("id", 0), delivery: f.whole("delivery", 1) })),
  );
}

export function writeSettings({ deliveriesMax, deadLetter, dedupeMs, messagesMax }: QueueSettings): unknown[] {
  return [deliveriesMax ?? null, deadLetter ?? null, dedupeMs ?? null, messagesMax ?? null];
}

export function readSettings(f: Fields): QueueSettings {
  return {
    deliveriesMax: f.optionalWhole("deliveriesMax", 1, SETTING_MAX),
    deadLetter: f.optionalName("deadLetter"),
    dedupeMs: f.optionalWhole("dedupeMs", 0, TTL_MS_MAX),
    messagesMax: f.optionalWhole("messagesMax", 1, SETTING_MAX),
  };
}
