import { expect, test } from "bun:test";
import { warnOnceAWhile } from "../../../../src/app/node/say-once.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

test("warnOnceAWhile() warns of the same thing once a minute, and of other things at once", () => {
  const clock = new SteppedClock();
  const said: string[] = [];
  const logger = createLogger({
    name: "n",
    level: "debug",
    clock,
    sink: (record) => said.push(`${record.level} ${record.message}`),
  });
  const warn = warnOnceAWhile(logger, clock);
  warn("no link to b");
  warn("no link to b");
  warn("no link to c");
  clock.advance(60_000);
  warn("no link to b");
  expect(said).toEqual(["warn no link to b", "debug no link to b", "warn no link to c", "warn no link to b"]);
});

test("warnOnceAWhile() remembers a bounded number of things", () => {
  const clock = new SteppedClock();
  let warnings = 0;
  const logger = createLogger({ name: "n", level: "warn", clock, sink: () => warnings++ });
  const warn = warnOnceAWhile(logger, clock);
  for (let at = 0; at < 300; at++) warn(`thing ${at}`);
  warn("thing 299");
  expect(warnings).toBe(300);
  warn("thing 0");
  expect(warnings).toBe(301);
});
