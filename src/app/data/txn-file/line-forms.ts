/** What may stand in a line of each section: a word, what follows it, and what it becomes. */
import { change, check } from "../../../data/client/index.ts";
import type { Compare, TransactionOperation } from "../../../data/words/index.ts";
import type { Cursor } from "./line-words.ts";

export interface Form<T> {
  /** As people write it, for messages. */
  readonly shape: string;
  readonly read: (cursor: Cursor) => T;
}

const IS = ["=", "!=", "<", ">"] as const;

function aboutRevision(type: "revision" | "created" | "version"): Form<Compare> {
  return {
    shape: `${type} MAP KEY =|!=|<|> NUMBER`,
    read: (cursor) => ({
      type,
      map: cursor.name("map"),
      key: cursor.key(),
      is: cursor.oneOf("comparison", IS),
      than: cursor.wholeNumber(type, 0),
    }),
  };
}

export const compares: Readonly<Record<string, Form<Compare>>> = {
  value: {
    shape: "value MAP KEY =|!=|<|> TEXT",
    read: (cursor) =>
      check.value(cursor.name("map"), cursor.key(), cursor.oneOf("comparison", IS), cursor.text("value")),
  },
  revision: aboutRevision("revision"),
  created: aboutRevision("created"),
  version: aboutRevision("version"),
  exists: { shape: "exists MAP KEY", read: (cursor) => check.exists(cursor.name("map"), cursor.key()) },
  absent: { shape: "absent MAP KEY", read: (cursor) => check.absent(cursor.name("map"), cursor.key()) },
  counter: {
    shape: "counter NAME =|!=|<|> NUMBER",
    read: (cursor) =>
      check.counter(cursor.name("counter"), cursor.oneOf("comparison", IS), cursor.wholeNumber("number")),
  },
  lock: {
    shape: "lock NAME TOKEN",
    read: (cursor) => check.held(cursor.name("lock"), cursor.wholeNumber("token", 0)),
  },
};

export const operations: Readonly<Record<string, Form<TransactionOperation>>> = {
  put: {
    shape: "put MAP KEY TEXT [lease NUMBER]",
    read: (cursor) => {
      const [map, key, value] = [cursor.name("map"), cursor.key(), cursor.text("value")];
      return change.put(map, key, value, cursor.takes("lease") ? cursor.wholeNumber("lease", 0) : undefined);
    },
  },
  delete: { shape: "delete MAP KEY", read: (cursor) => change.delete(cursor.name("map"), cursor.key()) },
  "delete-range": {
    shape: "delete-range MAP FROM [BEFORE]",
    read: (cursor) => change.deleteRange(cursor.name("map"), cursor.key("from"), cursor.optionalKey("before")),
  },
  get: { shape: "get MAP KEY", read: (cursor) => change.get(cursor.name("map"), cursor.key()) },
  add: {
    shape: "add COUNTER NUMBER",
    read: (cursor) => change.add(cursor.name("counter"), cursor.wholeNumber("number")),
  },
  set: {
    shape: "set COUNTER NUMBER",
    read: (cursor) => change.set(cursor.name("counter"), cursor.wholeNumber("number")),
  },
  enqueue: {
    shape: "enqueue QUEUE TEXT [delay TIME] [dedupe KEY]",
    read: (cursor) => {
      const [queue, value] = [cursor.name("queue"), cursor.text("message")];
      const delay = cursor.takes("delay") ? { delayMs: cursor.durationMs("delay") } : {};
      const dedupe = cursor.takes("dedupe") ? { dedupeKey: cursor.key("dedupe key") } : {};
      return change.enqueue(queue, value, { ...delay, ...dedupe });
    },
  },
};
