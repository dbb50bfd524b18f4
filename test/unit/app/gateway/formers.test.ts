/** Files that the gateway went by before: what of them ends when, and what is cut off. */
import { describe, expect, test } from "bun:test";
import { FORMERS_MAX, Formers } from "../../../../src/app/gateway/formers.ts";
import { createLogger, type LogRecord } from "../../../../src/base/log.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { settled } from "../../edge/gateway/core/rig.ts";

const DRAIN_MS = 10_000;

function rig() {
  const clock = new SteppedClock();
  const told: LogRecord[] = [];
  const logger = createLogger({ name: "gw", level: "info", clock, sink: (record) => void told.push(record) });
  const formers = new Formers({ clock, logger });
  const add = (name: string, inFlight = 1) => {
    const [decided, idle] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const done: string[] = [];
    const note = (what: string) => async () => void done.push(what);
    const course = { decided: decided.promise, idle: idle.promise, inFlight };
    formers.add({ closeRules: note(`${name}: rules`), close: note(`${name}: all`) }, course, DRAIN_MS);
    return { decided: decided.resolve, done, idle: idle.resolve };
  };
  return { add, clock, formers, told };
}

describe("Formers", () => {
  test("add() closes the rules when nobody asks them any more, and all with the last request", async () => {
    const { add, clock, formers, told } = rig();
    const { decided, done, idle } = add("a");
    await settled();
    expect(done).toEqual([]);
    decided();
    await settled();
    expect([done, formers.count]).toEqual([["a: rules"], 1]);
    idle();
    await settled();
    clock.advance(DRAIN_MS);
    expect([done, formers.count, formers.cut, clock.timers]).toEqual([["a: rules", "a: all"], 0, 0, 0]);
    expect(told).toEqual([]);
  });

  test("add() cuts off what is left after a while, once, and says how much", async () => {
    const { add, clock, formers, told } = rig();
    const { done, idle } = add("a", 3);
    clock.advance(DRAIN_MS - 1);
    expect(done).toEqual([]);
    clock.advance(1);
    idle(); // what was cut off has ended
    await settled();
    expect([done, formers.count, formers.cut]).toEqual([["a: all"], 0, 3]);
    expect(told.map(({ level, fields }) => [level, fields?.requests])).toEqual([["warn", 3]]);
  });

  test("add() cuts off the oldest when there are too many", async () => {
    const { add, formers, told } = rig();
    const first = add("first", 2);
    const others = Array.from({ length: FORMERS_MAX - 1 }, (_, at) => add(`${at}`));
    expect([first.done, told.length]).toEqual([[], 0]);
    const last = add("last");
    await settled();
    expect([first.done, formers.count, formers.cut, told.length]).toEqual([["first: all"], FORMERS_MAX, 2, 1]);
    expect([...others, last].flatMap(({ done }) => done)).toEqual([]);
  });

  test("close() closes all of them, and leaves no timer", async () => {
    const { add, clock, formers } = rig();
    const both = [add("a"), add("b")];
    await formers.close();
    expect([both.flatMap(({ done }) => done), clock.timers, formers.cut]).toEqual([["a: all", "b: all"], 0, 0]);
  });
});
