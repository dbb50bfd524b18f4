/** How links end, by whom, and what becomes of what is under way; and how silence is noticed. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { BEAT_INTERVAL_MS, BEATS_MISSED_MAX } from "../../../../src/wire/link/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { frame, hello, pack, RawPeer, upgradeText } from "./raw.ts";
import { FakeAuth, failureOf, openNode, type TestNode } from "./support.ts";

interface Question {
  readonly signal: AbortSignal;
  answer(value: unknown): void;
}

/** Answers when the test says so. */
function asked(questions: Question[]) {
  return {
    request: (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve) => questions.push({ signal, answer: resolve })),
  };
}

async function rawLink(node: TestNode): Promise<RawPeer> {
  const peer = await RawPeer.open(node.address);
  const token = await new FakeAuth("raw").token(`127.0.0.1:${node.address.port}`);
  peer.write(upgradeText({ authorization: `Bearer ${token}` }));
  await until("the upgrade", () => peer.received.includes("instance"));
  peer.write(frame(hello()));
  await until("the link", () => node.accepted.length === 1);
  return peer;
}

describe("close()", () => {
  for (const closer of ["dialer", "acceptor"] as const) {
    test(`close() of the ${closer} lets requests of both sides end, takes no new ones, and loses nothing`, async () => {
      const [atA, atB]: [Question[], Question[]] = [[], []];
      await using a = openNode("a", { handlers: { ask: asked(atA) } });
      await using b = openNode("b", { handlers: { ask: asked(atB) } });
      const link = await a.dial(b);
      const toB = link.request("ask", 1);
      await until("b to be asked", () => atB.length === 1);
      const back = b.accepted[0]!;
      const toA = back.request("ask", 2);
      await until("a to be asked", () => atA.length === 1);

      const [ending, other] = closer === "dialer" ? [link, back] : [back, link];
      const end = ending.close();
      expect((await failureOf(ending.request("ask", 3))).code).toBe("link.closed");
      await until("the goaway", () => !other.isOpen);
      expect(() => other.notify("ask", 3)).toThrow("about to end");
      atA[0]!.answer("from a");
      atB[0]!.answer("from b");
      expect(await Promise.all([toA, toB])).toEqual(["from a", "from b"]);
      expect((await end).isGraceful).toBe(true);
      expect((await other.closed).isGraceful).toBe(true);
      expect(b.served.counts()).toMatchObject({ links: 0, halfOpen: 0, malformed: 0 });
    });
  }

  test("close() lets a large payload arrive that was said before it", async () => {
    const heard: Uint8Array[] = [];
    await using a = openNode("a");
    await using b = openNode("b", {
      handlers: { take: { notify: (payload) => void heard.push(payload as Uint8Array) } },
    });
    const link = await a.dial(b);
    link.notify("take", new Uint8Array(5_000_000).fill(7));
    expect((await link.close()).isGraceful).toBe(true);
    await until("the payload", () => heard.length === 1);
    expect(heard[0]!.length).toBe(5_000_000);
  });

  test("close() lets requests leave that wait for room", async () => {
    const heard: number[] = [];
    const take = { request: (payload: unknown) => heard.push((payload as Uint8Array).byteLength) };
    await using a = openNode("a", { limits: { sendBufferBytes: 100_000 } });
    await using b = openNode("b", { handlers: { take } });
    const link = await a.dial(b);
    const answers = Array.from({ length: 5 }, () => link.request("take", new Uint8Array(3_000_000)));
    expect((await link.close()).isGraceful).toBe(true);
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5]);
  });

  test("close() ends the link when the grace has passed and something is still under way", async () => {
    const questions: Question[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { ask: asked(questions) } });
    const link = await a.dial(b);
    const answer = failureOf(link.request("ask", 1));
    await until("the question", () => questions.length === 1);
    expect((await link.close({ graceMs: 1 })).isGraceful).toBe(false);
    expect((await answer).toJSON()).toMatchObject({ code: "link.closed", retryable: true });
    await until("the handler's signal", () => questions[0]!.signal.aborted);
  });
});

describe("close() of the second side", () => {
  test("close() keeps its own grace when the other side has said goaway before", async () => {
    const clock = new SteppedClock();
    const questions: Question[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { clock, handlers: { ask: asked(questions) } });
    const link = await a.dial(b);
    const answer = failureOf(link.request("ask", 1));
    await until("the question", () => questions.length === 1);
    void link.close({ graceMs: 60_000 });
    const back = b.accepted[0]!;
    await until("the goaway", () => !back.isOpen);
    const end = back.close({ graceMs: 100 });
    clock.advance(100);
    expect((await end).isGraceful).toBe(false);
    expect((await answer).code).toBe("link.closed");
  });
});

describe("destroy()", () => {
  test("destroy() fails all that is under way on both sides with link.closed", async () => {
    const questions: Question[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { ask: asked(questions) } });
    const link = await a.dial(b);
    const answer = failureOf(link.request("ask", 1));
    await until("the question", () => questions.length === 1);
    b.accepted[0]!.destroy(new Failure("test.over", "over"));
    expect(await answer).toMatchObject({ code: "link.closed", message: expect.stringContaining("test.over") });
    expect(questions[0]!.signal.aborted).toBe(true);
    expect((await link.closed).isGraceful).toBe(false);
  });

  test("a link ends without grace when its peer's connection breaks", async () => {
    await using node = openNode("node");
    const peer = await rawLink(node);
    peer[Symbol.dispose]();
    expect(await node.accepted[0]!.closed).toMatchObject({ isGraceful: false, reason: { code: "link.closed" } });
  });
});

describe("heart-beats", () => {
  test("a link sends a beat each interval and ends with link.silent when the peer says nothing for many", async () => {
    const clock = new SteppedClock();
    await using node = openNode("node", { clock });
    using peer = await rawLink(node);
    const before = node.accepted[0]!.counts.framesSent;
    for (let beat = 0; beat < BEATS_MISSED_MAX; beat++) {
      clock.advance(BEAT_INTERVAL_MS);
      await Promise.resolve()
        .then(() => {})
        .then(() => {}); // the turn ends
    }
    expect(node.accepted[0]!.counts.framesSent - before).toBe(BEATS_MISSED_MAX);
    expect(node.accepted[0]!.isOpen).toBe(true);
    clock.advance(BEAT_INTERVAL_MS);
    expect((await node.accepted[0]!.closed).reason.code).toBe("link.silent");
    await until("the peer to be told", () => peer.isClosed);
  });

  test("a link stays open for any traffic, tells each beat to onBeat and each frame to onActivity", async () => {
    const clock = new SteppedClock();
    const [beats, frames]: [number[], number[]] = [[], []];
    await using node = openNode("node", {
      clock,
      onBeat: (_, nowMs) => void beats.push(nowMs),
      onActivity: (_, nowMs) => void frames.push(nowMs),
    });
    using peer = await rawLink(node);
    for (let round = 1; round <= 2 * BEATS_MISSED_MAX; round++) {
      clock.advance(BEAT_INTERVAL_MS);
      peer.write(frame(pack(round % 5 === 0 ? [[11]] : [[5, "nobody", 1]])));
      await until("the frame", () => frames.length === round);
    }
    expect(node.accepted[0]!.isOpen).toBe(true);
    expect(node.accepted[0]!.lastHeardMs).toBe(clock.monotonic());
    expect(beats).toEqual([5, 10, 15, 20].map((round) => round * BEAT_INTERVAL_MS));
  });
});

describe("deadlines", () => {
  test("request() rejects at its deadline, the handler's signal aborts at the same span, and a late answer is passed by", async () => {
    const clock = new SteppedClock();
    const questions: Question[] = [];
    await using a = openNode("a", { clock });
    await using b = openNode("b", { clock, handlers: { ask: asked(questions) } });
    const link = await a.dial(b);
    const soon = failureOf(link.request("ask", 1, { timeoutMs: 100 }));
    const later = link.request("ask", 2, { timeoutMs: 500 });
    await until("the questions", () => questions.length === 2);
    clock.advance(99);
    expect(questions.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    clock.advance(1);
    expect(await soon).toMatchObject({ code: "link.deadline_exceeded", retryable: true });
    expect(questions.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    questions[0]!.answer("too late");
    questions[1]!.answer("in time");
    expect(await later).toBe("in time");
    expect(link.isOpen).toBe(true);
  });

  test("a link leaves no timer behind when it has ended", async () => {
    const clock = new SteppedClock();
    await using a = openNode("a", { clock });
    await using b = openNode("b", { clock, handlers: { ask: asked([]) } });
    const link = await a.dial(b);
    const answer = failureOf(link.request("ask", 1));
    await until("the link", () => b.accepted.length === 1);
    link.destroy(new Failure("test.over", "over"));
    await answer;
    await b.accepted[0]!.closed;
    await until("the timers to be gone", () => clock.timers === 0);
  });
});
