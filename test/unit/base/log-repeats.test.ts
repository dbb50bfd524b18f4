import { expect, test } from "bun:test";
import fc from "fast-check";
import { createLogger, type LogRecord } from "../../../src/base/log.ts";
import { limitRepeats, REPEATS_PASSED, REPEATS_WINDOW_MS } from "../../../src/base/log-repeats.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

function rig() {
  const said: LogRecord[] = [];
  const clock = new SteppedClock();
  const { flush, sink } = limitRepeats({ clock, sink: (record) => said.push(record) });
  const logger = createLogger({ name: "n1", level: "trace", clock, sink });
  return { said, clock, flush, logger, messages: () => said.map(({ message }) => message) };
}

test("limitRepeats() passes the first few of a kind and says once how many came after them", () => {
  const { clock, logger, messages, said } = rig();
  for (let each = 0; each < 522; each++) logger.error(`cannot reach "n${each}" after ${each} ms`, { each });
  expect(messages()).toHaveLength(REPEATS_PASSED);
  clock.advance(REPEATS_WINDOW_MS);
  expect(messages().slice(REPEATS_PASSED)).toEqual(['cannot reach "n521" after 521 ms (repeated 512 times)']);
  expect(said.at(-1)).toMatchObject({ level: "error", timeMs: REPEATS_WINDOW_MS, fields: { each: 521 } });
  expect(clock.timers).toBe(0);
});

test("limitRepeats() lets a kind through again in the next second, and says what it held back first", () => {
  const { clock, logger, messages } = rig();
  for (let each = 0; each <= REPEATS_PASSED; each++) logger.warn("full");
  clock.sleep(REPEATS_WINDOW_MS);
  logger.warn("full");
  expect(messages().slice(REPEATS_PASSED)).toEqual(["full (repeated 1 times)", "full"]);
});

test("limitRepeats() tells levels, components and messages apart", () => {
  const { logger, messages } = rig();
  const links = logger.child({ component: "links" });
  for (let each = 0; each < REPEATS_PASSED; each++) {
    logger.warn("full");
    logger.error("full");
    links.warn("full");
    logger.warn("empty");
  }
  expect(messages()).toHaveLength(4 * REPEATS_PASSED);
});

test("flush() says what is held back, at once and once", () => {
  const { clock, flush, logger, messages } = rig();
  for (let each = 0; each < REPEATS_PASSED + 3; each++) logger.info("again");
  flush();
  flush();
  expect(messages().at(-1)).toBe("again (repeated 3 times)");
  expect(messages()).toHaveLength(REPEATS_PASSED + 1);
  expect(clock.timers).toBe(0);
});

test("limitRepeats() loses no line: what is said and what is said to be repeated is all there was", () => {
  const kind = fc.integer({ min: 0, max: 600 });
  const step = fc.record({ kind, times: fc.integer({ min: 1, max: 40 }), ms: fc.integer({ min: 0, max: 1_500 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, flush, logger, messages } = rig();
      let all = 0;
      for (const { kind, ms, times } of steps) {
        const name = String.fromCodePoint(0x4e00 + kind);
        for (let each = 0; each < times; each++) logger.info(name);
        all += times;
        clock.advance(ms);
      }
      flush();
      const repeated = messages().map((message) => Number(/repeated (\d+) times/.exec(message)?.[1] ?? 1));
      expect(repeated.reduce((sum, times) => sum + times, 0)).toBe(all);
    }),
  );
});

test("limitRepeats() remembers a bounded number of kinds", () => {
  const { clock, logger, messages } = rig();
  for (let each = 0; each < REPEATS_PASSED + 5; each++) logger.warn("first");
  for (let each = 0; each < 300; each++) logger.warn(`kind ${String.fromCodePoint(0x4e00 + each)}`);
  expect(messages()).toContain("first (repeated 5 times)"); // it gave way to the others before its second was over
  clock.advance(REPEATS_WINDOW_MS);
  expect(clock.timers).toBe(0);
});
