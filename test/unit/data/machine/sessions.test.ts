/** Exactly once, within bounds: what a session remembers, and what becomes of what it does not. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SESSION_SILENCE_MS } from "../../../../src/data/machine/index.ts";
import {
  type Command,
  type Outcome,
  SESSION_SILENCE_MS_MIN,
  SESSION_WINDOW,
  type SessionMark,
} from "../../../../src/data/words/index.ts";
import { Fed } from "./commands.ts";

const add: Command = { type: "counter.add", counter: "c", by: 1 };

function mark(sequence: number, received = 0, session = "s"): SessionMark {
  return { session, sequence, received };
}

test("apply() counts each command once when commands come again and out of order", () => {
  const deliveries = fc.array(
    fc.record({ session: fc.constantFrom("s1", "s2"), sequence: fc.integer({ min: 1, max: 20 }) }),
    {
      maxLength: 200,
      size: "max",
    },
  );
  fc.assert(
    fc.property(deliveries, (sent) => {
      const fed = new Fed();
      const first = new Map<string, Outcome>();
      for (const { session, sequence } of sent) {
        const outcome = fed.apply(add, mark(sequence, 0, session));
        const place = `${session} ${sequence}`;
        const known = first.get(place);
        if (known === undefined) first.set(place, outcome);
        else expect(outcome).toEqual(known);
      }
      expect(fed.machine.counters.get("c")).toBe(first.size);
    }),
    { numRuns: 100 },
  );
});

test("apply() gives a refusal again when the refused command comes again, though it would be taken now", () => {
  const fed = new Fed();
  const put: Command = { type: "map.put", map: "m", key: "k", value: "v", lease: 2 };
  expect(fed.refusal(put, mark(1))).toBe("data.lease_unknown");
  fed.done({ type: "lease.grant", ttlMs: 1_000 });
  expect(fed.refusal(put, mark(1))).toBe("data.lease_unknown");
  fed.done(put, mark(2));
});

test("apply() gives the stored answer when the machine was restored in between", () => {
  const [one, two] = [new Fed(), new Fed()];
  const answer = one.apply(add, mark(1));
  two.machine.restore(one.machine.snapshot());
  two.index = one.index;
  expect(two.apply(add, mark(1))).toEqual(answer);
  expect(two.machine.counters.get("c")).toBe(1);
});

describe("apply() refuses to apply a command again", () => {
  test("when the answer was received", () => {
    const fed = new Fed();
    fed.done(add, mark(1));
    fed.done(add, mark(2, 1));
    expect(fed.refusal(add, mark(1))).toBe("data.answer_gone");
    expect(fed.machine.counters.get("c")).toBe(2);
  });

  test("when a command was overtaken by one that says it was received", () => {
    const fed = new Fed();
    fed.done(add, mark(1));
    fed.done(add, mark(9, 8));
    expect(fed.refusal(add, mark(5))).toBe("data.answer_gone");
    expect(fed.machine.counters.get("c")).toBe(2);
  });

  test("when the session was silent for too long", () => {
    const fed = new Fed();
    fed.done(add, mark(1));
    fed.done(add, mark(2, 1));
    fed.clockMs += SESSION_SILENCE_MS;
    expect(fed.refusal(add, mark(3, 2))).toBe("data.session_expired");
    expect(fed.machine.stats().sessions).toBe(0);
    expect(fed.machine.counters.get("c")).toBe(2);
  });

  test("when the answer was too much to keep, and does not apply the command again", () => {
    const fed = new Fed({ sessions: { sessionAnswersBytesMax: 1_000 } });
    fed.done({ type: "map.put", map: "m", key: "k", value: "v".repeat(2_000) });
    fed.done({ type: "map.delete", map: "m", key: "k" }, mark(1));
    expect(fed.machine.sizeBytes).toBeLessThan(5_000);
    expect(fed.refusal({ type: "map.delete", map: "m", key: "k" }, mark(1))).toBe("data.answer_gone");
  });
});

test("a session is heard when its command comes again, and lives on", () => {
  const fed = new Fed();
  fed.done(add, mark(1));
  fed.clockMs += SESSION_SILENCE_MS - 1;
  fed.done(add, mark(1));
  fed.clockMs += SESSION_SILENCE_MS - 1;
  fed.done(add, mark(1));
  expect(fed.machine.counters.get("c")).toBe(1);
});

test("apply() refuses with data.session_window when a client runs too far ahead, and takes the command when it has caught up", () => {
  const fed = new Fed();
  fed.done(add, mark(1));
  const ahead = mark(SESSION_WINDOW + 1);
  expect(fed.apply(add, ahead)).toMatchObject({ code: "data.session_window", retryable: true });
  fed.done(add, { ...ahead, received: 1 });
  expect(fed.machine.counters.get("c")).toBe(2);
});

describe("a group with all the sessions that it may have", () => {
  const full = (): Fed => {
    const fed = new Fed({ sessions: { sessionsMax: 2 } });
    for (const session of ["a", "b"]) fed.done(add, mark(1, 0, session));
    return fed;
  };

  test("refuses another one while all were heard lately", () => {
    expect(full().apply(add, mark(1, 0, "c"))).toMatchObject({ code: "data.sessions_full", retryable: true });
  });

  test("ends the one that was silent longest for another one", () => {
    const fed = full();
    fed.done(add, mark(2, 0, "a"));
    fed.clockMs += SESSION_SILENCE_MS_MIN;
    fed.done(add, mark(1, 0, "c"));
    expect(fed.machine.stats().sessions).toBe(2);
    expect(fed.refusal(add, mark(2, 1, "b"))).toBe("data.session_expired");
    fed.done(add, mark(2, 0, "a"));
    expect(fed.machine.counters.get("c")).toBe(4);
  });
});

test("the oldest answers of all sessions go first when there are too many bytes of them", () => {
  const fed = new Fed({ sessions: { answersBytesMax: 1_500 } });
  fed.done({ type: "map.put", map: "m", key: "a", value: "v".repeat(1_000) });
  fed.done({ type: "map.put", map: "m", key: "b", value: "v".repeat(1_000) });
  fed.done({ type: "map.delete", map: "m", key: "a" }, mark(1, 0, "one"));
  fed.done({ type: "map.delete", map: "m", key: "b" }, mark(1, 0, "two"));
  expect(fed.refusal({ type: "map.delete", map: "m", key: "a" }, mark(1, 0, "one"))).toBe("data.answer_gone");
  expect(fed.done({ type: "map.delete", map: "m", key: "b" }, mark(1, 0, "two"))).toMatchObject({ deleted: 1 });
});

test("the oldest answers go first on a node that was restored meanwhile, too", () => {
  const [one, two] = [
    new Fed({ sessions: { answersBytesMax: 3_500 } }),
    new Fed({ sessions: { answersBytesMax: 3_500 } }),
  ];
  for (const key of ["a", "b", "c"]) one.done({ type: "map.put", map: "m", key, value: "v".repeat(1_000) });
  const remove = (key: string): Command => ({ type: "map.delete", map: "m", key });
  one.done(remove("a"), mark(1, 0, "early"));
  one.done(remove("b"), mark(1, 0, "late"));
  one.done(remove("none"), mark(2, 0, "early")); // it is heard last now, and still has the oldest answer
  two.machine.restore(one.machine.snapshot());
  two.index = one.index;
  for (const fed of [one, two]) {
    fed.done(remove("c"), mark(2, 0, "late"));
    expect(fed.refusal(remove("a"), mark(1, 0, "early"))).toBe("data.answer_gone");
    expect(fed.done(remove("b"), mark(1, 0, "late"))).toMatchObject({ deleted: 1 });
  }
});

test("sizeBytes is what it was when sessions have ended", () => {
  const fed = new Fed();
  for (let sequence = 1; sequence <= 20; sequence++) fed.done(add, mark(sequence, Math.max(0, sequence - 5)));
  expect(fed.machine.stats().sizes.sessions).toBeGreaterThan(0);
  fed.pass(SESSION_SILENCE_MS);
  expect(fed.machine.stats().sizes.sessions).toBe(0);
});
