import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { DataNodes, lost, noLeader } from "../../../support/data-nodes.ts";
import { driven } from "../../../support/driven.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const counted = (nodes: DataNodes): number => nodes.machine().counters.get("visits");

function notMember(node: string): Failure {
  return new Failure("consensus.not_member", `${node} is no member of the group main`, { retryable: true });
}

describe("Asker", () => {
  test("ask() does a command once when its answer is lost", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    let lostAnswers = 0;
    nodes.faults.after = () => {
      if (lostAnswers++ < 4) throw lost();
    };
    expect(await driven(clock, nodes.client().counter("visits").add(5))).toBe(5);
    expect(lostAnswers).toBe(5);
    expect(counted(nodes)).toBe(5);
    expect(new Set(nodes.applied.map(({ mark }) => `${mark?.session} ${mark?.sequence}`)).size).toBe(1);
  });

  test("ask() goes to another node when one is down", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const asked: string[] = [];
    nodes.faults.before = (node) => {
      asked.push(node);
      if (node !== "n3") throw lost();
    };
    const client = nodes.client();
    await driven(clock, client.counter("visits").add(1));
    await driven(clock, client.counter("visits").add(1));
    expect(asked).toEqual(["n1", "n2", "n3", "n3"]);
  });

  test("ask() waits for an election when there is no leader", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    nodes.faults.propose = () => {
      if (clock.monotonic() < 900) throw noLeader();
    };
    expect(await driven(clock, nodes.client().counter("visits").add(1))).toBe(1);
    expect(clock.monotonic()).toBeLessThan(1_500);
  });

  test("ask() passes over a node that says nothing, long before its own deadline", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    nodes.faults.before = (node, { signal }) =>
      node === "n1"
        ? new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)))
        : undefined;
    expect(await driven(clock, nodes.client({ timeoutMs: 15_000 }).counter("visits").add(1))).toBe(1);
    expect(clock.monotonic()).toBeLessThan(3_000);
  });

  test("ask() says that the outcome is unknown when an answer was lost and nobody answers in time", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    let isFirst = true;
    nodes.faults.after = () => {
      isFirst = false;
      throw lost();
    };
    nodes.faults.before = () => {
      if (!isFirst) throw noLeader();
    };
    await expect(driven(clock, nodes.client({ timeoutMs: 3_000 }).counter("visits").add(1))).rejects.toMatchObject({
      code: "data.unknown_outcome",
    });
    expect(counted(nodes)).toBe(1);
  });

  test("ask() says why when it is sure that nothing was done", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    nodes.faults.propose = () => {
      throw noLeader();
    };
    await expect(driven(clock, nodes.client({ timeoutMs: 2_000 }).counter("visits").add(1))).rejects.toMatchObject({
      code: "consensus.no_leader",
      retryable: true,
    });
    expect(counted(nodes)).toBe(0);
  });

  test("ask() gives a refusal at once, and does not ask anybody else", async () => {
    const nodes = new DataNodes();
    let calls = 0;
    nodes.faults.before = () => void calls++;
    await expect(nodes.client().keepLease(99)).rejects.toMatchObject({ code: "data.lease_unknown" });
    expect(calls).toBe(1);
  });

  test("ask() does not ask again when a revision that is to come cannot be compacted to", async () => {
    const nodes = new DataNodes();
    let asked = 0;
    nodes.faults.before = () => void asked++;
    await expect(nodes.client().calls.map.compact({ revision: 9_999 })).rejects.toMatchObject({
      code: "data.compact_future",
    });
    expect(asked).toBe(1);
  });

  test("ask() tells its time in whole milliseconds", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    nodes.faults.propose = () => {
      throw noLeader();
    };
    const late = driven(clock, nodes.client({ timeoutMs: 682.995224 }).counter("visits").add(1));
    await expect(late).rejects.toMatchObject({ message: expect.stringContaining("not done within 683 ms") });
  });

  test("ask() asks under another number when a key was locked for a moment", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    let times = 0;
    nodes.faults.propose = () => {
      if (times++ < 3) throw new Failure("data.locked", "the key is locked by a transaction", { retryable: true });
    };
    await driven(clock, nodes.client().map("m").put("k", "v"));
    expect(nodes.applied[0]?.mark).toMatchObject({ sequence: 4, received: 3 });
  });

  test("ask() begins another session when the group has forgotten this one", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const client = nodes.client();
    await client.counter("visits").add(1);
    let isForgotten = true;
    nodes.faults.propose = () => {
      if (!isForgotten) return;
      isForgotten = false;
      throw new Failure("data.session_expired", "the session is unknown");
    };
    expect(await driven(clock, client.counter("visits").add(1))).toBe(2);
    expect(new Set(nodes.applied.map(({ mark }) => mark?.session)).size).toBe(2);
  });

  test("ask() lets nothing wait behind a command that takes long", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const client = nodes.client();
    const end = new AbortController();
    const waiting = client.queue("empty").dequeue({ waitMs: 60_000, signal: end.signal });
    for (let at = 0; at < 3_000; at++) await client.counter("visits").add(1);
    expect(counted(nodes)).toBe(3_000);
    expect(new Set(nodes.applied.map(({ mark }) => mark?.session)).size).toBe(2);
    end.abort();
    await expect(waiting).rejects.toMatchObject({ code: "rpc.cancelled" });
  });

  test("ask() says that the outcome is unknown when the session was forgotten after an answer was lost", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    let times = 0;
    nodes.faults.proposed = () => {
      if (times++ === 0) throw lost();
    };
    nodes.faults.propose = () => {
      if (times > 0) throw new Failure("data.session_expired", "the session is unknown");
    };
    await expect(driven(clock, nodes.client().counter("visits").add(1))).rejects.toMatchObject({
      code: "data.unknown_outcome",
    });
    expect(counted(nodes)).toBe(1);
  });

  test("ask() gives up when its signal aborts", async () => {
    const nodes = new DataNodes();
    nodes.faults.propose = () => {
      throw noLeader();
    };
    await expect(nodes.client().counter("visits").add(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "rpc.cancelled",
    });
  });

  test("ask() fails at once when every node refuses to serve it", async () => {
    const nodes = new DataNodes();
    nodes.faults.before = () => {
      throw new Failure("rpc.forbidden", "test may read");
    };
    await expect(nodes.client().counter("visits").get()).rejects.toMatchObject({ code: "rpc.forbidden" });
  });

  test("ask() goes on to another node when one is no member any more, and says so when all are", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const strangers = new Set(["n1"]);
    nodes.faults.before = (node) => {
      if (strangers.has(node)) throw notMember(node);
    };
    expect(await driven(clock, nodes.client().counter("visits").add(1))).toBe(1);
    for (const node of ["n2", "n3"]) strangers.add(node);
    const refused = nodes.client().counter("visits").add(1);
    await expect(refused).rejects.toMatchObject({ code: "consensus.not_member" });
    expect(counted(nodes)).toBe(1);
  });

  test("ask() says that the outcome is unknown when only those are left that are no members", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    nodes.faults.before = (node) => {
      if (counted(nodes) > 0) throw notMember(node);
    };
    nodes.faults.after = () => {
      throw lost();
    };
    await expect(driven(clock, nodes.client({ timeoutMs: 3_000 }).counter("visits").add(1))).rejects.toMatchObject({
      code: "data.unknown_outcome",
    });
    expect(counted(nodes)).toBe(1);
  });

  test("ask() counts each addition once whatever is lost on the way", async () => {
    const fault = fc.constantFrom("none", "before", "after", "noLeader", "unknown");
    const plan = fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.array(fault, { maxLength: 6 })), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(plan, async (additions) => {
        const clock = new SteppedClock();
        const nodes = new DataNodes({ clock });
        const faults = additions.flatMap(([, each]) => each);
        nodes.faults.before = () => {
          if (faults[0] !== "before" && faults[0] !== "noLeader") return;
          throw faults.shift() === "before" ? lost() : noLeader();
        };
        nodes.faults.after = () => {
          const next = faults.shift();
          if (next === "after") throw lost();
          if (next === "unknown") throw new Failure("consensus.unknown_outcome", "?", { retryable: true });
        };
        const client = nodes.client({ timeoutMs: 60_000 });
        const done = Promise.all(additions.map(([by]) => client.counter("visits").add(by)));
        await driven(clock, done);
        expect(counted(nodes)).toBe(additions.reduce((sum, [by]) => sum + by, 0));
      }),
      { numRuns: 60 },
    );
  });

  test("ask() is not what keeps additions from counting twice: without marks they do", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    let times = 0;
    nodes.faults.before = (_, call) =>
      void Object.assign(call, { input: { ...(call.input as object), mark: undefined } });
    nodes.faults.after = () => {
      if (times++ === 0) throw lost();
    };
    await driven(clock, nodes.client().counter("visits").add(1));
    expect(counted(nodes)).toBe(2);
  });
});
