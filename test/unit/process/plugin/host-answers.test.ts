import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseAnswer } from "../../../../src/process/plugin/host-answers.ts";
import type { FromHost } from "../../../../src/process/plugin/messages.ts";

const counts = { total: 1, malformed: 0, in: 1, out: 1, filtered: 0, rejected: 0, added: 0 };
const error = { code: "plugin.threw", message: "no", retryable: false };
const info = { name: "n", version: "1.0.0", description: "" };
const flags = { sequential: false, stateful: false, exclusive: false, health: false, checks: false };

const ANSWERS: readonly FromHost[] = [
  { t: "loaded", info, params: {}, ...flags },
  { t: "checked", faults: [{ param: "p", message: "m" }] },
  { t: "ready" },
  { t: "warmed" },
  { t: "warmed", error },
  { t: "restored" },
  { t: "done", request: 1, sizes: [1, 0, 0], counts },
  { t: "state", request: 1, state: 5 },
  { t: "state", request: 1, state: "AAAA" },
  { t: "healthy", request: 1, error },
  { t: "need", request: 1, bytes: 5 },
  { t: "failed", error },
  { t: "failed", request: 1, error },
  { t: "log", level: "info", message: "m" },
];

const WRONG: readonly unknown[] = [
  null,
  [],
  "done",
  {},
  { t: "nothing" },
  { t: "toString" },
  { t: "loaded", info, params: {} },
  { t: "checked", faults: ["p"] },
  { t: "warmed", error: "no" },
  { t: "done", request: 1, counts },
  { t: "done", request: 1, sizes: [1, 0], counts },
  { t: "done", request: 1, sizes: [-1, 0, 0], counts },
  { t: "done", request: 1, sizes: [1, 0, 0], counts: {} },
  { t: "done", request: 1, sizes: [1, 0, 0], counts: { ...counts, in: "1" } },
  { t: "done", request: 1, sizes: [1, 0, 0], counts: { ...counts, out: 0.5 } },
  { t: "state", request: 1, state: null },
  { t: "healthy" },
  { t: "need", request: 1, bytes: -1 },
  { t: "failed", request: 1 },
  { t: "failed", request: 1, error: { code: 1, message: "m" } },
  { t: "log", level: "shout", message: "m" },
  { t: "log", level: "info" },
];

describe("parseAnswer()", () => {
  for (const answer of ANSWERS) {
    test(`parseAnswer() gives the message when it is ${JSON.stringify(answer)}`, () => {
      expect(parseAnswer(JSON.stringify(answer))).toEqual(answer);
    });
  }

  for (const wrong of WRONG) {
    test(`parseAnswer() gives nothing when the line is ${JSON.stringify(wrong)}`, () => {
      expect(parseAnswer(JSON.stringify(wrong))).toBeUndefined();
    });
  }

  test("parseAnswer() never throws, and what it gives has a known name, when the line is any text or JSON", () => {
    const names = new Set<string>(ANSWERS.map(({ t }) => t));
    const json = fc.record({ t: fc.constantFrom(...names), request: fc.jsonValue(), error: fc.jsonValue() });
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      json.map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(lines, (line) => {
        const answer = parseAnswer(line);
        if (answer) expect(names.has(answer.t)).toBe(true);
      }),
    );
  });
});
