/** One link for each peer, whoever opened it. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { type Link, type LinkAddress, LinkPool } from "../../../../src/wire/link/index.ts";
import { HANDSHAKE_TIMEOUT_MS } from "../../../../src/wire/link/limits.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { openProxy } from "./proxy.ts";
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

  test("adopt() leaves a link only when the peer knows of the one that is kept: for neither side the last one ends", async () => {
    const lost: string[] = [];
    const onLost = (link: Link): void => void lost.push(link.peer.id);
    const places: LinkAddress[] = [];
    await using a = openNode("a", { handlers, onLink: (link) => void atA.adopt(link) });
    await using b = openNode("b", {
      handlers,
      audiences: () => places.map(({ host, port }) => `${host}:${port}`),
      onLink: (link) => void atB.adopt(link),
    });
    using proxy = openProxy(b.address);
    places.push(proxy.address);
    const [atA, atB] = [a.pool({ onLost }), b.pool({ onLost })];
    const first = await atB.get(a.address);
    await until("the other side", () => atA.byId("b"));
    proxy.isHeld = true;
    const second = await atA.get(proxy.address); // open here, and not there: what this side says over it is on its way
    expect(atA.byId("b")).toBe(second);
    expect(await first.request("echo", 1)).toBe(1);
    expect(await a.accepted[0]!.request("echo", 2)).toBe(2);
    expect(atB.byId("a")).toBe(first);
    proxy.release();
    await Promise.all([first.closed, a.accepted[0]!.closed]);
    expect(atB.byId("a")).toBe(b.accepted[0]!);
    expect(await atB.byId("a")!.request("echo", 3)).toBe(3);
    expect(lost).toEqual([]);
  });

  test("adopt() goes back to the link that was to be left when the peer never knows of the one that was kept", async () => {
    const lost: string[] = [];
    const pool = new LinkPool({ ...STILL, selfId: "a", onLost: (link) => void lost.push(link.peer.id) });
    const theirs = fakeLink("b", { isDialer: false });
    const mine = fakeLink("b", { isDialer: true, framesTaken: 0 });
    pool.adopt(theirs.link);
    expect(pool.adopt(mine.link)).toBe(mine.link);
    await mine.end();
    expect([pool.byId("b") === theirs.link, theirs.ends, lost]).toEqual([true, [], []]);
    await theirs.end();
    expect([pool.byId("b"), lost]).toEqual([undefined, ["b"]]);
  });

  test("adopt() does not go back to a link that is silent, or to another life of the peer", async () => {
    const clock = new SteppedClock();
    for (const isSilent of [true, false]) {
      const lost: string[] = [];
      const pool = new LinkPool({ ...STILL, clock, selfId: "a", onLost: (link) => void lost.push(link.peer.instance) });
      const theirs = fakeLink("b", { isDialer: false, heardMs: clock.monotonic() - (isSilent ? 3_001 : 0) });
      const mine = fakeLink("b", { isDialer: true, framesTaken: 0, heardMs: clock.monotonic() });
      const anew = fakeLink("b", { isDialer: false, instance: "two", heardMs: clock.monotonic() });
      pool.adopt(theirs.link);
      pool.adopt(mine.link);
      if (!isSilent) pool.adopt(anew.link);
      await mine.end();
      await anew.end();
      expect([pool.byId("b"), lost]).toEqual([undefined, [isSilent ? "one" : "two"]]);
    }
  });

  test("adopt() leaves the other link by itself when the peer says nothing for as long as it may take to know of a link", async () => {
    const clock = new SteppedClock();
    const pool = new LinkPool({ ...STILL, clock, selfId: "a" });
    const theirs = fakeLink("b", { isDialer: false });
    const again = fakeLink("b", { isDialer: false });
    pool.adopt(theirs.link);
    pool.adopt(fakeLink("b", { isDialer: true, framesTaken: 0 }).link);
    pool.adopt(again.link);
    await again.end();
    clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
    expect(theirs.ends).toEqual([]);
    clock.advance(1);
    expect([theirs.ends, again.ends]).toEqual([["close"], []]);
  });

  test("close() ends links that were about to be left, too", async () => {
    const pool = new LinkPool({ ...STILL, selfId: "a" });
    const theirs = fakeLink("b", { isDialer: false });
    const mine = fakeLink("b", { isDialer: true, framesTaken: 0 });
    pool.adopt(theirs.link);
    pool.adopt(mine.link);
    await pool.close();
    expect([mine.ends, theirs.ends]).toEqual([["close"], ["close"]]);
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
  /** What the peer has said over it. */
  readonly framesTaken?: number;
  readonly instance?: string;
  readonly heardMs?: number;
  readonly address?: LinkAddress;
}

/** What the pool looks at of a link, and what it did with it. */
function fakeLink(id: string, { isDialer = true, instance = "one", heardMs = 0, framesTaken = 1, address }: Fake = {}) {
  const ends: string[] = [];
  const closed = Promise.withResolvers<unknown>();
  const link = {
    peer: { id, instance, address },
    isDialer,
    isOpen: true,
    lastHeardMs: heardMs,
    idleSinceMs: undefined,
    counts: { framesTaken },
    closed: closed.promise,
    close: () => void ends.push("close"),
    destroy: () => void ends.push("destroy"),
  };
  const end = async (): Promise<void> => {
    link.isOpen = false;
    closed.resolve({ isGraceful: false });
    await new Promise(setImmediate);
  };
  return { link: link as unknown as Link, ends, end };
}
