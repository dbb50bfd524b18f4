/** One link for each peer, whoever opened it. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { type Link, type LinkAddress, LinkPool } from "../../../../src/wire/link/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { failureOf, openNode } from "./support.ts";

const handlers = { echo: { request: (payload: unknown) => payload } };

/** A node whose pool also takes the links that others open. */
function openMember(id: string) {
  const holder: { pool?: LinkPool } = {};
  const node = openNode(id, { handlers, onLink: (link) => void holder.pool!.adopt(link) });
  holder.pool = node.pool();
  return { node, pool: holder.pool, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() };
}

describe("LinkPool", () => {
  test("get() dials once however many ask at a time, and gives the same link afterwards", async () => {
    await using a = openMember("a");
    await using b = openMember("b");
    const links = await Promise.all(Array.from({ length: 10 }, () => a.pool.get(b.node.address)));
    expect(new Set([...links, await a.pool.get(b.node.address)]).size).toBe(1);
    expect(a.pool.byId("b")).toBe(links[0]);
    await until("the other side", () => b.node.accepted.length > 0);
    expect(b.node.accepted).toHaveLength(1);
  });

  test("get() gives an accepted link when the peer has opened one and is named", async () => {
    await using a = openMember("a");
    await using b = openMember("b");
    await a.pool.get(b.node.address);
    await until("the other side", () => b.pool.byId("a"));
    const back = await b.pool.get(a.node.address, { id: "a" });
    expect(back.isDialer).toBe(false);
    expect(await back.request("echo", 1)).toBe(1);
    expect(a.node.accepted).toHaveLength(0);
  });

  test("get() leads to who answers there, not to a peer that says in its hello that it listens there", async () => {
    await using a = openMember("a");
    await using mallory = openNode("mallory", { handlers });
    await using c = openNode("c", { handlers });
    const claim = { id: "mallory", instance: "x", address: c.address };
    for (const isFirst of [true, false]) {
      const before = a.node.accepted.length;
      const link = await mallory.dial(a.node, { self: claim });
      await until("the claim", () => a.node.accepted.length > before);
      expect((await a.pool.get(c.address)).peer.id).toBe("c");
      expect((await a.pool.get(c.address, { id: "c" })).peer.id).toBe("c");
      const wrong = await failureOf(a.pool.get(c.address, { id: "mallory" }));
      expect([isFirst, wrong.code, wrong.retryable]).toEqual([isFirst, "link.wrong_peer", true]);
      link.destroy(new Failure("test.over", "over"));
      await until("its end", () => a.pool.links.every(({ peer }) => peer.id !== "mallory"));
    }
  });

  test("get() fails with link.wrong_peer when somebody else answers than is expected, whom it keeps for others", async () => {
    await using a = openMember("a");
    await using b = openMember("b");
    expect((await failureOf(a.pool.get(b.node.address, { id: "c" }))).code).toBe("link.wrong_peer");
    const link = await a.pool.get(b.node.address);
    expect(link.peer.id).toBe("b");
    await link.request("echo", 1);
    expect(b.node.accepted).toHaveLength(1);
  });

  test("get() dials a peer that has only said where it listens, and keeps the address for the link that remains", async () => {
    await using a = openMember("a");
    await using b = openMember("b");
    await a.pool.get(b.node.address);
    await until("the other side", () => b.pool.byId("a"));
    const kept = await b.pool.get(a.node.address); // the lower id's link remains, which is the accepted one
    expect(kept.isDialer).toBe(false);
    await until("the dial", () => a.node.accepted.length === 1);
    expect(await b.pool.get(a.node.address)).toBe(kept);
    expect(await kept.request("echo", 1)).toBe(1);
    expect(a.node.accepted).toHaveLength(1);
  });

  test("adopt() never gives an address that a peer holds to another one", async () => {
    const pool = new LinkPool({ ...STILL, selfId: "self" });
    const holder = fakeLink("holder", { isDialer: true, address: PLACE });
    const other = fakeLink("other", { isDialer: true, address: PLACE });
    const accepted = fakeLink("accepted", { isDialer: false, address: PLACE });
    for (const { link } of [holder, other, accepted]) pool.adopt(link);
    expect(await pool.get(PLACE)).toBe(holder.link);
    expect((await failureOf(pool.get(PLACE, { id: "accepted" }))).code).toBe("link.wrong_peer");
  });

  test("adopt() leaves one link when both sides dial at once, the same for both, and no request is lost", async () => {
    for (let round = 0; round < 10; round++) {
      await using a = openMember("a");
      await using b = openMember("b");
      const ask = async (from: typeof a, to: typeof a): Promise<unknown> =>
        (await from.pool.get(to.node.address)).request("echo", round);
      expect(await Promise.all([ask(a, b), ask(b, a)])).toEqual([round, round]);
      await until("one link", () => a.pool.links.length + b.pool.links.length === 2);
      await until("the other to be gone", () => a.node.served.counts().links + b.node.served.counts().links === 1);
      const [atA, atB] = [a.pool.byId("a"), b.pool.byId("a")];
      expect(atA).toBeUndefined();
      expect(a.pool.byId("b")!.isDialer).toBe(!atB!.isDialer);
      expect(await Promise.all([ask(a, b), ask(b, a)])).toEqual([round, round]);
    }
  });

  test("adopt() keeps the link that the lower id dialed when both are open", async () => {
    const pool = new LinkPool({ ...STILL, selfId: "b" });
    const mine = fakeLink("a", { isDialer: true });
    const theirs = fakeLink("a", { isDialer: false });
    expect(pool.adopt(mine.link)).toBe(mine.link);
    expect(pool.adopt(theirs.link)).toBe(theirs.link);
    expect(pool.adopt(mine.link)).toBe(theirs.link);
    expect([mine.ends, theirs.ends]).toEqual([["close", "close"], []]);
  });

  test("adopt() takes the new link when the peer lives anew, the old one is silent, or the same side dialed again", () => {
    const clock = new SteppedClock();
    for (const [what, more, laterMs] of [
      ["lives anew", { isDialer: true, instance: "two" }, 0],
      ["is silent", { isDialer: true }, 3_001],
      ["dialed again", { isDialer: false }, 0],
    ] as const) {
      const pool = new LinkPool({ ...STILL, clock, selfId: "b" });
      const old = fakeLink("a", { isDialer: false, heardMs: clock.monotonic() });
      const fresh = fakeLink("a", more);
      pool.adopt(old.link);
      clock.advance(laterMs);
      expect([what, pool.adopt(fresh.link) === fresh.link]).toEqual([what, true]);
      expect(old.ends).toEqual([what === "lives anew" ? "destroy" : "close"]);
    }
  });

  test("get() dials anew when the link is gone, and tells onLost", async () => {
    const lost: string[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers });
    const pool = a.pool({ onLost: (link, { reason }) => void lost.push(`${link.peer.id} ${reason.code}`) });
    const first = await pool.get(b.address);
    await first.request("echo", 1);
    b.accepted[0]!.destroy(new Failure("test.over", "over"));
    await first.closed;
    await until("the loss", () => lost.length === 1);
    const second = await pool.get(b.address);
    expect(second).not.toBe(first);
    expect(await second.request("echo", 1)).toBe(1);
    expect(lost).toEqual(["b link.closed"]);
  });

  test("get() fails at once with the last failure while a peer that is down is not to be dialed yet", async () => {
    const clock = new SteppedClock();
    let dials = 0;
    const down = async (): Promise<Link> => {
      dials++;
      throw new Failure("link.unreachable", "down", { retryable: true });
    };
    const pool = new LinkPool({ ...STILL, clock, dial: down });
    const delays: number[] = [];
    for (let attempt = 0; attempt < 10; attempt++) {
      expect((await failureOf(pool.get(PLACE))).code).toBe("link.unreachable");
      let waitedMs = 0;
      for (const before = dials; dials === before; waitedMs += 10) {
        clock.advance(10);
        await failureOf(pool.get(PLACE));
      }
      delays.push(waitedMs);
    }
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(50);
    expect(delays.slice(0, 4)).toEqual(delays.slice(0, 4).toSorted((x, y) => x - y));
    expect(Math.max(...delays)).toBeLessThanOrEqual(5_010);
  });

  test("get() gives up waiting when its signal aborts, and the dial goes on for the others", async () => {
    await using a = openMember("a");
    await using b = openMember("b");
    const end = new AbortController();
    const given = a.pool.get(b.node.address, { signal: end.signal });
    const other = a.pool.get(b.node.address);
    end.abort(new Failure("test.enough", "enough"));
    expect((await failureOf(given)).code).toBe("test.enough");
    expect((await other).isOpen).toBe(true);
  });

  test("a pool closes what it dialed and nobody uses, gracefully, and keeps what is in use", async () => {
    const clock = new SteppedClock();
    await using a = openNode("a", { clock });
    await using b = openNode("b", { clock, handlers: { ...handlers, wait: { request: () => new Promise(() => {}) } } });
    await using c = openNode("c", { clock, handlers: { wait: { request: () => new Promise(() => {}) } } });
    const ends: string[] = [];
    const pool = a.pool({
      clock,
      idleMs: 1_000,
      onLost: (link, end) => void ends.push(`${link.peer.id} ${end.isGraceful}`),
    });
    const [idle, busy] = [await pool.get(b.address), await pool.get(c.address)];
    await idle.request("echo", 1);
    const waiting = failureOf(busy.request("wait", 1));
    await until("the question", () => c.accepted[0]?.counts.requestsTaken === 1);
    clock.advance(1_500);
    await idle.closed;
    await until("the end", () => ends.length === 1);
    expect(ends).toEqual(["b true"]);
    expect(busy.isOpen).toBe(true);
    busy.destroy(new Failure("test.over", "over"));
    await waiting;
  });

  test("close() ends all links gracefully and get() fails from then on", async () => {
    await using a = openMember("a");
    await using b = openMember("b");
    const link = await a.pool.get(b.node.address);
    await a.pool.close();
    expect((await link.closed).isGraceful).toBe(true);
    expect((await failureOf(a.pool.get(b.node.address))).code).toBe("link.closed");
  });
});

const PLACE: LinkAddress = { host: "127.0.0.1", port: 1 };

const STILL = {
  selfId: "self",
  clock: new SteppedClock(),
  random: { next: () => 0.5, below: () => 0 },
  dial: () => Promise.reject(new Failure("test.no_dial", "nobody is dialed here")),
};

interface Fake {
  readonly isDialer?: boolean;
  readonly instance?: string;
  readonly heardMs?: number;
  readonly address?: LinkAddress;
}

/** What the pool looks at of a link, and what it did with it. */
function fakeLink(id: string, { isDialer = true, instance = "one", heardMs = 0, address }: Fake = {}) {
  const ends: string[] = [];
  const link = {
    peer: { id, instance, address },
    isDialer,
    isOpen: true,
    lastHeardMs: heardMs,
    idleSinceMs: undefined,
    closed: new Promise(() => {}),
    close: () => void ends.push("close"),
    destroy: () => void ends.push("destroy"),
  };
  return { link: link as unknown as Link, ends };
}
