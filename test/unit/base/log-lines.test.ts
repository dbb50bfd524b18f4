import { expect, test } from "bun:test";
import fc from "fast-check";
import type { LogRecord } from "../../../src/base/log.ts";
import { jsonLine, textLine } from "../../../src/base/log-lines.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

function record(more: Partial<LogRecord>): LogRecord {
  return { timeMs: 1_500, level: "warn", name: "n1", message: "slow", fields: {}, ...more };
}

test("jsonLine() names node, component and trace beside the message, the rest below fields", () => {
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  const line = jsonLine(record({ fields: { component: "links", traceparent, peer: "n2" } }));
  expect(JSON.parse(line)).toEqual({
    time: "1970-01-01T00:00:01.500Z",
    level: "warn",
    node: "n1",
    component: "links",
    trace_id: TRACE,
    message: "slow",
    fields: { peer: "n2" },
  });
});

test("jsonLine() and textLine() leave a component and a traceparent that are none among the fields", () => {
  const line = jsonLine(record({ fields: { component: 3, traceparent: "none" } }));
  expect(JSON.parse(line)).toMatchObject({ fields: { component: 3, traceparent: "none" } });
  expect(textLine(record({ fields: { component: 3 } }))).toEndWith("n1: slow component=3\n");
});

test("textLine() is one line for people: time, level, who, what, and pairs", () => {
  const fields = {
    component: "links",
    path: "/tmp/a",
    why: "no such file",
    traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
  };
  expect(textLine(record({ fields }))).toBe(
    `00:00:01.500 WARN  n1/links: slow path=/tmp/a why="no such file" trace=${TRACE}\n`,
  );
});

/** Every character that may move a cursor, turn text around or end a line somewhere. */
const UNSHOWABLE = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Surrogate}/u;
/** For people two joiners stay: scripts are written with them. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Surrogate}/u;
const HOSTILE = [..."\n\r\u0000\u001b\u007f\u0085\u009b\u2028\u2029\u202e\u2066\u200f\ufeff\ud800"];
const text = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 5 })))
  .map((parts) => parts.join(""));

test("jsonLine() is one line without a raw control character, and reads as what was said, whatever that is", () => {
  fc.assert(
    fc.property(text, text, text, (message, key, value) => {
      const line = jsonLine(record({ message, fields: { [`k${key}`]: value } }));
      expect(line.slice(0, -1)).not.toMatch(UNSHOWABLE);
      expect(JSON.parse(line)).toMatchObject({ message, fields: { [`k${key}`]: value } });
    }),
  );
});

test("textLine() is one line without a control character, whatever was said", () => {
  fc.assert(
    fc.property(text, text, text, (message, key, value) => {
      const line = textLine(record({ message, name: key, fields: { [`k${key}`]: value, component: value } }));
      expect(line.slice(0, -1).replaceAll("\t", "")).not.toMatch(UNPRINTABLE);
      expect(line.indexOf("\n")).toBe(line.length - 1);
    }),
  );
});
