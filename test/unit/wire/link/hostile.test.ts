/** Peers that misbehave before and on a link: they learn nothing, leave nothing behind, and others go on being served. */
import { describe, expect, test } from "bun:test";
import { HELLO_BYTES_MAX } from "../../../../src/wire/link/limits.ts";
import { until } from "../../../support/until.ts";
import { frame, hello, NONCE, OPCODE, pack, RawPeer, upgradeText } from "./raw.ts";
import { FakeAuth, failureOf, openNode, type TestNode } from "./support.ts";

const handlers = { echo: { request: (payload: unknown) => payload } };

/** Somebody else's link works, and nothing of the hostile one is left. */
async function expectUnharmed(node: TestNode): Promise<void> {
  await using friend = openNode("friend");
  const link = await friend.dial(node);
  expect(await link.request("echo", "still here")).toBe("still here");
  await link.close();
  await until("nothing to be left", () => {
    const { links, halfOpen } = node.served.counts();
    return links === 0 && halfOpen === 0;
  });
}

async function bearer(node: TestNode, auth = new FakeAuth("raw")): Promise<string> {
  return `Bearer ${await auth.token(`127.0.0.1:${node.address.port}`)}`;
}

/** Upgraded: the server's hello has come. */
async function upgraded(node: TestNode): Promise<RawPeer> {
  const peer = await RawPeer.open(node.address);
  peer.write(upgradeText({ authorization: await bearer(node) }));
  await until("the upgrade", () => peer.received.includes("101 Switching") && peer.received.includes("instance"));
  return peer;
}

async function linked(node: TestNode): Promise<RawPeer> {
  const peer = await upgraded(node);
  peer.write(frame(hello()));
  await until("the link", () => node.accepted.length === 1);
  return peer;
}

describe("fetch()", () => {
  for (const [what, headers] of [
    ["there is no token", {}],
    ["the token is empty", { authorization: "Bearer " }],
    ["the token is garbage", { authorization: "Bearer garbage" }],
    ["the scheme is another", { authorization: "Basic YTpi" }],
    ["the token is far too long", { authorization: `Bearer ${"x".repeat(9_000)}` }],
  ] as const) {
    test(`fetch() answers 401 with an empty body when ${what}`, async () => {
      await using node = openNode("node", { handlers });
      using peer = await RawPeer.open(node.address);
      peer.write(upgradeText(headers));
      await until("an answer", () => peer.received.includes("\r\n\r\n"));
      expect(peer.received).toStartWith("HTTP/1.1 401");
      expect(peer.received).toEndWith("\r\n\r\n");
      expect(peer.received.toLowerCase()).toContain("content-length: 0");
      expect(node.served.counts()).toMatchObject({ unauthenticated: 1, accepted: 0, halfOpen: 0 });
      await expectUnharmed(node);
    });
  }

  for (const [what, auth, audience] of [
    ["signed with another key", new FakeAuth("raw", "another key"), undefined],
    ["addressed to somebody else", new FakeAuth("raw"), "127.0.0.1:1"],
    ["of a client and not of a node", new FakeAuth("raw", "key", "client"), undefined],
  ] as const) {
    test(`fetch() answers 401 when the token is ${what}`, async () => {
      await using node = openNode("node", { handlers });
      using peer = await RawPeer.open(node.address);
      const token = await auth.token(audience ?? `127.0.0.1:${node.address.port}`);
      peer.write(upgradeText({ authorization: `Bearer ${token}` }));
      await until("an answer", () => peer.received.includes("\r\n\r\n"));
      expect(peer.received).toStartWith("HTTP/1.1 401");
      await expectUnharmed(node);
    });
  }

  test("fetch() answers 401 when a token comes a second time", async () => {
    await using node = openNode("node", { handlers });
    const authorization = await bearer(node);
    using first = await RawPeer.open(node.address);
    first.write(upgradeText({ authorization }));
    await until("an answer", () => first.received.includes("\r\n\r\n"));
    expect(first.received).toStartWith("HTTP/1.1 101");
    using second = await RawPeer.open(node.address);
    second.write(upgradeText({ authorization }));
    await until("an answer", () => second.received.includes("\r\n\r\n"));
    expect(second.received).toStartWith("HTTP/1.1 401");
    first[Symbol.dispose]();
    await expectUnharmed(node);
  });

  for (const [what, headers] of [
    ["no nonce", { "link-nonce": "" }],
    ["a nonce of another form", { "link-nonce": `${NONCE}|x` }],
    ["another version", { "link-version": "2" }],
  ] as const) {
    test(`fetch() answers 401 when the request has ${what}`, async () => {
      await using node = openNode("node", { handlers });
      using peer = await RawPeer.open(node.address);
      peer.write(upgradeText({ authorization: await bearer(node), ...headers }));
      await until("an answer", () => peer.received.includes("\r\n\r\n"));
      expect(peer.received).toStartWith("HTTP/1.1 401");
    });
  }

  test("fetch() answers 404 when the path is another, and 400 when a good token asks for no WebSocket", async () => {
    await using node = openNode("node", { handlers });
    const place = `http://127.0.0.1:${node.address.port}`;
    expect((await fetch(`${place}/elsewhere`)).status).toBe(404);
    const headers = { authorization: await bearer(node), "link-nonce": NONCE, "link-version": "1" };
    expect((await fetch(`${place}/link`, { headers })).status).toBe(400);
    expect(node.served.counts().halfOpen).toBe(0);
  });

  test("fetch() answers 503 to a flood of half-open links, and links that are open stay so", async () => {
    await using node = openNode("node", { handlers, halfOpenMax: 8 });
    await using friend = openNode("friend");
    const link = await friend.dial(node);
    const flood = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const peer = await RawPeer.open(node.address);
        peer.write(upgradeText({ authorization: await bearer(node, new FakeAuth(`flood${index}`)) }));
        await until("an answer", () => peer.received.includes("\r\n\r\n"));
        return peer;
      }),
    );
    const upgradedCount = flood.filter(({ received }) => received.startsWith("HTTP/1.1 101")).length;
    expect(upgradedCount).toBe(8);
    expect(flood.filter(({ received }) => received.startsWith("HTTP/1.1 503")).length).toBe(32);
    expect(await link.request("echo", 1)).toBe(1);
    for (const peer of flood) peer[Symbol.dispose]();
    await until("the half-open ones to be gone", () => node.served.counts().halfOpen === 0);
    await link.close();
    await expectUnharmed(node);
  });

  test("fetch() upgrades but the link ends when no hello comes in time", async () => {
    await using node = openNode("node", { handlers, handshakeTimeoutMs: 50 });
    using peer = await upgraded(node);
    await until("the end", () => peer.isClosed);
    expect(node.served.counts()).toMatchObject({ timedOut: 1, accepted: 0, halfOpen: 0 });
  });
});

describe("before the hello", () => {
  for (const [what, bytes] of [
    ["a text frame", frame(Buffer.from("hi"), OPCODE.text)],
    ["more than a hello may have", frame(new Uint8Array(HELLO_BYTES_MAX + 1))],
    ["a request", frame(pack([[1, 1, "echo", 1000, "x"]]))],
    [
      "a hello and a request in one frame",
      frame(
        pack([
          [0, 1, { instance: "x" }],
          [1, 1, "echo", 1000, "x"],
        ]),
      ),
    ],
    ["a hello of another version", frame(pack([[0, 2, { instance: "x" }]]))],
    ["a hello without an instance", frame(pack([[0, 1, {}]]))],
    ["a hello with a bad address", frame(hello({ address: { host: "", port: 0 } }))],
    ["no MessagePack", frame(Uint8Array.from([0xc1, 1, 2]))],
    ["an unmasked frame", Uint8Array.from([0x82, 1, 0])],
    ["a compressed frame", frame(hello(), OPCODE.binary, { reserved: 0x40 })],
    ["an oversized frame's length", Uint8Array.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])],
  ] as const) {
    test(`a half-open link ends when there comes ${what}`, async () => {
      await using node = openNode("node", { handlers });
      using peer = await upgraded(node);
      peer.write(bytes);
      await until("the end", () => peer.isClosed || node.served.counts().halfOpen === 0);
      expect(node.served.counts().accepted).toBe(0);
      await expectUnharmed(node);
    });
  }
});

/** WebSocket itself forbids these. */
const SEEN_BY_THE_SOCKET: ReadonlySet<string> = new Set(["a compressed frame", "an oversized frame"]);

describe("on a link", () => {
  for (const [what, frames] of [
    ["a text frame", [frame(Buffer.from("hi"), OPCODE.text)]],
    ["no MessagePack", [frame(Uint8Array.from([0xc1, 1, 2]))]],
    ["a frame that is no array", [frame(pack({ a: 1 }))]],
    ["a message that is no array", [frame(pack([1]))]],
    ["an unknown kind", [frame(pack([[99, 1]]))]],
    ["a kind that cannot be said", [frame(pack([[{ toString: {} }, 1]]))]],
    ["a second hello", [frame(hello())]],
    ["a request without a topic", [frame(pack([[1, 1, 7, 1000, "x"]]))]],
    ["a request with a negative id", [frame(pack([[1, -1, "echo", 1000, "x"]]))]],
    ["a request whose topic is too long", [frame(pack([[1, 1, "t".repeat(200), 1000, "x"]]))]],
    [
      "two requests of one id under way",
      [
        frame(
          pack([
            [1, 1, "wait", 1000, 1],
            [1, 1, "wait", 1000, 1],
          ]),
        ),
      ],
    ],
    ["an answer with a failure that is none", [frame(pack([[3, 1, { code: 7 }]]))]],
    ["bytes on a stream that are none", [frame(pack([[7, 1, "text"]]))]],
    ["a stream opened out of turn", [frame(pack([[6, 2, "sink", null]]))]],
    ["more than a stream's window", [frame(pack([[6, 1, "sink", null]])), ...window()]],
    [
      "credit that was not due",
      [
        frame(
          pack([
            [6, 1, "sink", null],
            [8, 1, 1],
          ]),
        ),
      ],
    ],
    ["a chunk that was not announced", [frame(pack([[13, 1, 100]]))]],
    ["a chunk of another size", [frame(pack([bulk(100), [13, 1, 100]])), frame(new Uint8Array(99))]],
    ["messages behind the announcement of a chunk", [frame(pack([bulk(100), [13, 1, 100], [11]]))]],
    ["too many large payloads", [frame(pack(Array.from({ length: 5 }, (_, id) => bulk(100, id + 1))))]],
    ["a payload larger than any", [frame(pack([bulk(2 ** 40)]))]],
    ["a large payload for a message that has no place for it", [frame(pack([[14, 1, 100, 0, [1, 1]]]))]],
    ["a large payload for what is no message", [frame(pack([[14, 1, 100, 0, ["constructor"]]]))]],
    ["values nested too deep in a message's own elements", [frame(pack([[1, nested(100), "echo", 1000, 1]]))]],
    [
      "a frame that is cut off behind a value nested too deep",
      [frame(cutOff([[1, 1, "echo", 1000, nested(100), "x"]]))],
    ],
    ["a compressed frame", [frame(pack([[11]]), OPCODE.binary, { reserved: 0x40 })]],
    ["an oversized frame", [frame(new Uint8Array(3 * 1024 * 1024))]],
  ] as const) {
    test(`a link ends, and it alone, when there comes ${what}`, async () => {
      const wait = { request: () => new Promise(() => {}) };
      await using node = openNode("node", { handlers: { ...handlers, wait, sink: { stream: () => {} } } });
      using peer = await linked(node);
      for (const each of frames) peer.write(each);
      const { reason, isGraceful } = await node.accepted[0]!.closed;
      expect(isGraceful).toBe(false);
      expect(reason.code).toBe(SEEN_BY_THE_SOCKET.has(what) ? "link.closed" : "link.malformed");
      await expectUnharmed(node);
    });
  }

  test("a link carries out nothing of a frame when a part of it is malformed", async () => {
    let calls = 0;
    await using node = openNode("node", { handlers: { ...handlers, count: { request: () => ++calls } } });
    using peer = await linked(node);
    const fine = pack([[1, 1, "count", 1000, 1]]);
    peer.write(frame(Uint8Array.from([0x92, ...fine.subarray(1), 0xc1])));
    await node.accepted[0]!.closed;
    expect(calls).toBe(0);
    await until("the count", () => node.served.counts().malformed === 1);
  });

  test("a link carries out nothing of a frame when a message in it has not the form of its kind", async () => {
    for (const odd of [
      [1, 1, 7, 1000, "x"],
      [5, "t".repeat(200), 1],
      [5, "t", 1, "t".repeat(200)],
      [99],
      [13, 1, -1],
    ]) {
      let calls = 0;
      const count = { notify: () => void calls++ };
      await using node = openNode("node", { handlers: { ...handlers, count } });
      using peer = await linked(node);
      peer.write(frame(pack([[5, "count", 1], odd])));
      expect((await node.accepted[0]!.closed).reason.code).toBe("link.malformed");
      expect(calls).toBe(0);
    }
  });

  test("a payload that is not taken fails its own request, one-way message or stream, and nothing else", async () => {
    const noted: unknown[] = [];
    const note = { notify: (payload: unknown) => void noted.push(payload) };
    await using node = openNode("node", { handlers: { ...handlers, note, sink: { stream: () => {} } } });
    using peer = await linked(node);
    const value = pack(nested(100));
    peer.write(
      frame(
        pack([
          [1, 1, "echo", 1000, nested(100)],
          [1, 2, "echo", 1000, "between"],
          [5, "note", nested(100)],
          [5, "note", "heard"],
          [6, 1, "sink", nested(100)],
          [6, 3, "sink", 1],
          [14, 1, value.length, 1, [1, 3, "echo", 1000, null]],
          [13, 1, value.length],
        ]),
      ),
    );
    peer.write(frame(value));
    peer.write(frame(pack([[1, 4, "echo", 1000, "behind"]])));
    await until("the answers", () => peer.received.includes("behind"));
    expect(peer.received).toContain("between");
    expect(peer.received.split("link.undecodable")).toHaveLength(4);
    expect([noted, node.reports, node.accepted[0]!.isOpen]).toEqual([["heard"], ["note"], true]);
  });

  test("a request is answered with link.undecodable when its answer is not taken", async () => {
    await using node = openNode("node", { handlers });
    using peer = await linked(node);
    const link = node.accepted[0]!;
    const answers = [1, 2, 3].map((each) => link.request("ask", each));
    peer.write(
      frame(
        pack([
          [2, 1, nested(100)],
          [3, 2, { code: "a.b", message: "m", retryable: false, data: nested(100) }],
          [2, 3, "fine"],
        ]),
      ),
    );
    expect((await failureOf(answers[0]!)).code).toBe("link.undecodable");
    expect((await failureOf(answers[1]!)).code).toBe("link.undecodable");
    expect(await answers[2]).toBe("fine");
  });

  test("a link answers link.overloaded when a peer has more bytes under way than are taken", async () => {
    const ends: (() => void)[] = [];
    const wait = { request: () => new Promise<void>((resolve) => ends.push(resolve)) };
    await using node = openNode("node", { handlers: { ...handlers, wait }, limits: { underWayBytesMax: 500_000 } });
    await using friend = openNode("friend");
    const link = await friend.dial(node);
    const kinds = [new Uint8Array(200_000), "x".repeat(200_000), new Uint8Array(200_000), "x".repeat(200_000)];
    const all = kinds.map((payload) =>
      link.request("wait", payload).then(
        () => "done",
        (thrown) => thrown.code,
      ),
    );
    expect(await Promise.race(all)).toBe("link.overloaded");
    await until("the others", () => ends.length === 2);
    for (const end of ends) end();
    expect((await Promise.all(all)).toSorted()).toEqual(["done", "done", "link.overloaded", "link.overloaded"]);
    const alone = link.request("wait", new Uint8Array(600_000)); // one is always taken
    await until("the next", () => ends.length === 3);
    ends[2]!();
    expect(await alone).toBeUndefined();
  });

  test("a link takes a message whose frame comes in fragments with a ping between", async () => {
    await using node = openNode("node", { handlers });
    using peer = await linked(node);
    const bytes = pack([[1, 1, "echo", 1000, "in pieces"]]);
    peer.write(frame(bytes.subarray(0, 5), OPCODE.binary, { isLast: false }));
    peer.write(frame(new Uint8Array(0), OPCODE.ping));
    peer.write(frame(bytes.subarray(5, 9), OPCODE.continuation, { isLast: false }));
    peer.write(frame(bytes.subarray(9), OPCODE.continuation));
    await until("the answer", () => peer.received.includes("in pieces"));
  });

  test("a link answers link.overloaded when a peer has more under way than is taken", async () => {
    const wait = { request: () => new Promise(() => {}) };
    await using node = openNode("node", { handlers: { ...handlers, wait }, limits: { underWayMax: 10 } });
    using peer = await linked(node);
    peer.write(frame(pack(Array.from({ length: 15 }, (_, id) => [1, id, "wait", 60_000, 1]))));
    await until("the refusals", () => peer.received.split("link.overloaded").length === 6);
    peer[Symbol.dispose]();
    await expectUnharmed(node);
  });

  test("a link gives no new answers to a peer that does not read, and ends before they fill memory", async () => {
    const big = { request: () => new Uint8Array(60_000) };
    const limits = { sendBufferBytes: 1_000_000, sendBufferBytesMax: 4_000_000 };
    await using node = openNode("node", { handlers: { ...handlers, big }, limits });
    using peer = await linked(node);
    const link = node.accepted[0]!;
    peer.pause();
    let [mostBytes, isOver] = [0, false];
    void link.closed.then(() => {
      isOver = true;
    });
    for (let id = 0; !isOver; id += 100) {
      peer.write(frame(pack(Array.from({ length: 100 }, (_, each) => [1, id + each, "big", 60_000, 1]))));
      await new Promise((resolve) => setImmediate(resolve)); // sockets have their turn
      mostBytes = Math.max(mostBytes, link.bufferedBytes);
    }
    expect((await link.closed).reason.code).toBe("link.overloaded");
    expect(mostBytes).toBeGreaterThan(1_000_000);
    expect(mostBytes).toBeLessThan(6_000_000);
    await expectUnharmed(node);
  });
});

function window(): Uint8Array[] {
  return Array.from({ length: 9 }, () => frame(pack([[7, 1, new Uint8Array(32 * 1024)]])));
}

function bulk(sizeBytes: number, id = 1): unknown[] {
  return [14, id, sizeBytes, 0, [1, id, "echo", 1000, null]];
}

function cutOff(value: unknown): Uint8Array {
  return pack(value).slice(0, -1);
}

function nested(depth: number): unknown {
  return depth === 0 ? null : [nested(depth - 1)];
}
