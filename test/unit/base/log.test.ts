import { expect, test } from "bun:test";
import { Failure } from "../../../src/base/errors.ts";
import { createLogger, type LogLevel, type LogRecord } from "../../../src/base/log.ts";
import { jsonLine } from "../../../src/base/log-lines.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

function rig(level: LogLevel = "info") {
  const records: LogRecord[] = [];
  const clock = new SteppedClock();
  clock.advance(1_500);
  const logger = createLogger({ name: "shop", level, clock, sink: (record) => records.push(record) });
  return { records, logger };
}

test("createLogger() passes on what is at its level or above, and nothing at silent", () => {
  const { records, logger } = rig("warn");
  logger.info("quiet");
  logger.warn("loud");
  logger.error("louder");
  logger.setLevel("silent");
  logger.error("never");
  expect(records.map(({ level, message }) => `${level} ${message}`)).toEqual(["warn loud", "error louder"]);
  expect(logger.isEnabled("error")).toBe(false);
  expect(logger.isEnabled("silent")).toBe(false);
});

test("child() adds its context to what it says, the call's own fields win, and the level is shared", () => {
  const { records, logger } = rig();
  const child = logger.child({ request: 1, user: "ann" }).child({ user: "bob" });
  child.info("served", { tookMs: 3, request: 2 });
  logger.setLevel("debug");
  child.debug("details");
  expect(records[0]?.fields).toEqual({ request: 2, user: "bob", tookMs: 3 });
  expect(records[1]?.level).toBe("debug");
  expect(records[1]?.timeMs).toBe(1_500);
});

test("Logger shows an error with its code, data, stack and cause", () => {
  const { records, logger } = rig();
  const cause = new Error("connection refused");
  logger.error("not sent", new Failure("link.closed", "the link is closed", { data: { peer: "b" }, cause }));
  const { error } = records[0]!.fields as { error: Record<string, unknown> };
  expect(error).toMatchObject({ message: "the link is closed", code: "link.closed", data: { peer: "b" } });
  expect(error.cause).toMatchObject({ message: "connection refused" });
  expect(String(error.stack)).toContain("log.test.ts");
});

test("Logger makes anything fit to print: circles, bigints, bytes, getters that throw, long texts and lists", () => {
  const { records, logger } = rig();
  const circle: Record<string, unknown> = { big: 10n, bytes: new Uint8Array(3), when: new Date(0), not: Number.NaN };
  circle.self = circle;
  Object.defineProperty(circle, "trap", { enumerable: true, get: () => circle.missing!.toString() });
  logger.info("x".repeat(10_000), { circle, list: Array(1_000).fill(1), map: new Map([["a", 1]]), f: rig });
  const [record] = records;
  expect(record!.message.length).toBeLessThan(9_000);
  const { fields } = JSON.parse(jsonLine(record!));
  expect(fields.circle).toMatchObject({ big: "10", bytes: "[3 bytes]", when: "1970-01-01T00:00:00.000Z", not: "NaN" });
  expect(fields.circle.trap).toContain("TypeError");
  expect(JSON.stringify(fields.circle.self)).toContain("[object]");
  expect(fields.list).toHaveLength(100);
  expect(fields.map).toEqual([["a", 1]]);
  expect(fields.f).toBe("[function rig]");
});

test("Logger hides what stands under a telling name, and what looks like a credential, wherever it stands", () => {
  const { records, logger } = rig();
  logger.warn("asked redis://ann:p@ss@cache:6379/0 with Bearer abc.def-123", {
    api_key: "k-1",
    nested: { headers: new Map([["Set-Cookie", "id=1"]]), url: new URL("https://ann:pw@shop/x") },
    cause: new Error("password=hunter2 refused"),
    token: undefined,
    hasToken: true,
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln": 1,
  });
  expect(records[0]!.message).toBe("asked redis://[redacted]@cache:6379/0 with Bearer [redacted]");
  expect(records[0]!.fields).toMatchObject({
    api_key: "[redacted]",
    nested: { headers: [["Set-Cookie", "[redacted]"]], url: "https://[redacted]@shop/x" },
    cause: { message: "password=[redacted] refused" },
    hasToken: true,
    "[redacted]": 1,
  });
  expect(jsonLine(records[0]!)).not.toContain("hunter2");
});

test("Logger hides a secret that begins before the point where a long text is cut", () => {
  const { records, logger } = rig();
  logger.info(`${"x".repeat(8_180)}redis://ann:${"s3cret".repeat(10)}@cache`);
  expect(records[0]!.message).not.toContain("s3cret");
});
