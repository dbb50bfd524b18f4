/** From hosts to connections: resolution, addresses inside, several addresses, bounds. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { type Resolve, UpstreamPools, type UpstreamPorts } from "../../../../../src/edge/gateway/upstream/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { answering, ask, Heard, OK, once, openServer, request } from "./rig.ts";

const BUSY = "gateway.upstream_busy";

interface Asked {
  readonly resolve: Resolve;
  readonly names: string[];
}

/** Gives these answers, one after the other, the last one again and again. */
function resolver(...answers: (readonly string[])[]): Asked {
  const names: string[] = [];
  return {
    names,
    async resolve(name) {
      const addresses = answers[Math.min(names.length, answers.length - 1)]!;
      names.push(name);
      if (addresses.length === 1 && addresses[0] === "fails") throw new Error("ENOTFOUND");
      return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4, ttl: 5 }));
    },
  };
}

function pools(ports: Partial<UpstreamPorts> = {}): UpstreamPools {
  return new UpstreamPools({ clock: new SteppedClock(), ...ports });
}

describe("names", () => {
  test("ask() connects to what the name resolves to, and asks once for many", async () => {
    using server = openServer(answering(OK));
    const { names, resolve } = resolver(["127.0.0.1"]);
    const upstreams = pools({ resolve });
    const all = Array.from({ length: 20 }, () => ask(upstreams, server.port, { host: "Up.Example." }));
    for (const heard of all) expect((await heard.done()).text).toBe("ok");
    expect(names).toEqual(["up.example"]);
  });

  test("ask() asks again when the answer is old, and keeps it within bounds", async () => {
    using server = openServer(answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"));
    const clock = new SteppedClock();
    const { names, resolve } = resolver(["127.0.0.1"]);
    const upstreams = pools({ clock, resolve });
    const get = async () => (await ask(upstreams, server.port, { host: "up.example" }).done()).text;
    await get();
    clock.advance(4_999);
    await get();
    expect(names.length).toBe(1);
    clock.advance(1);
    await get();
    expect(names.length).toBe(2);
  });

  test("ask() fails when the name has no address, and does not ask again at once", async () => {
    const { names, resolve } = resolver(["fails"], ["127.0.0.1"]);
    const clock = new SteppedClock();
    const upstreams = pools({ clock, resolve });
    for (let count = 0; count < 3; count++) {
      const heard = await ask(upstreams, 1, { host: "nowhere.example" }).done();
      expect(heard.failure?.code).toBe("gateway.connect_failed");
      expect(heard.isUnsent).toBe(true);
    }
    expect(names.length).toBe(1);
    clock.advance(1_000);
    await ask(upstreams, 1, { host: "nowhere.example" }).done();
    expect(names.length).toBe(2);
  });

  test("ask() goes on to the next address when one refuses", async () => {
    using server = openServer(answering(OK));
    const { resolve } = resolver(["127.0.0.9", "127.0.0.8", "127.0.0.1"]);
    const heard = await ask(pools({ resolve }), server.port, { host: "up.example" }).done();
    expect(heard.text).toBe("ok");
  });

  test("ask() fails with the last fault when all addresses refuse", async () => {
    const { resolve } = resolver(["127.0.0.9", "127.0.0.8"]);
    const heard = await ask(pools({ resolve }), 1, { host: "up.example" }).done();
    expect(heard.failure?.code).toBe("gateway.connect_failed");
    expect(heard.isUnsent).toBe(true);
  });

  test("ask() fails when nobody answers a name in time, and what comes later is of no matter", async () => {
    const clock = new SteppedClock();
    const late = Promise.withResolvers<never[]>();
    const upstreams = pools({ clock, resolve: () => late.promise });
    const heard = ask(upstreams, 1, { host: "slow.example", timeouts: { connectMs: 1_000 } });
    clock.advance(999);
    expect(heard.failure).toBeUndefined();
    clock.advance(1);
    expect(heard.failure?.code).toBe("gateway.upstream_timeout");
    expect(heard.isUnsent).toBe(true);
    late.resolve([]);
    await Promise.resolve();
    expect(upstreams.counts()).toMatchObject({ connecting: 0, waiting: 0 });
  });

  test.each(["127.1", "a b", "0x7f.1", ""])("ask() fails for the host %p without asking anybody", async (host) => {
    const { names, resolve } = resolver(["127.0.0.1"]);
    const heard = await ask(pools({ resolve }), 1, { host }).done();
    expect(heard.failure?.code).toBe("gateway.connect_failed");
    const dynamic = await ask(pools({ resolve }), 1, { host, isDynamic: true }).done();
    expect(dynamic.failure?.code).toBe("gateway.address_denied");
    expect(names).toEqual([]);
  });
});

describe("dynamic targets", () => {
  test.each(["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "127.0.0.1."])(
    "ask() never connects to %s",
    async (host) => {
      using server = openServer(answering(OK));
      const upstreams = pools();
      const heard = await ask(upstreams, server.port, { host, isDynamic: true }).done();
      expect(heard.failure?.code).toBe("gateway.address_denied");
      expect(upstreams.counts().opened).toBe(0);
      expect(server.peers.length).toBe(0);
    },
  );

  test("ask() connects to the address that was judged, whatever the name says the next time", async () => {
    using server = openServer(answering(OK));
    const rebinding = resolver(["203.0.113.1"], ["127.0.0.1"]);
    const clock = new SteppedClock();
    const upstreams = pools({ clock, resolve: rebinding.resolve });
    for (let count = 0; count < 3; count++) {
      const heard = await ask(upstreams, server.port, { host: "evil.example", isDynamic: true }).done();
      expect(heard.failure?.code).toBe("gateway.address_denied");
      clock.advance(60_000);
    }
    expect(rebinding.names.length).toBe(3);
    expect(server.peers.length).toBe(0);
  });

  test("ask() resolves a name once for each connection, between judging and connecting not at all", async () => {
    using server = openServer(answering(OK));
    const changing = resolver(["127.0.0.1"], ["169.254.169.254"]);
    const upstreams = pools({ resolve: changing.resolve, allowedPrivate: ["127.0.0.1/32"] });
    const heard = await ask(upstreams, server.port, { host: "evil.example", isDynamic: true }).done();
    expect(heard.text).toBe("ok");
    expect(changing.names.length).toBe(1);
  });

  test("ask() leaves out the addresses that are refused and takes the others", async () => {
    using server = openServer(answering(OK));
    const { resolve } = resolver(["10.0.0.1", "169.254.169.254", "127.0.0.1"]);
    const upstreams = pools({ resolve, allowedPrivate: ["127.0.0.0/8"] });
    expect((await ask(upstreams, server.port, { host: "a.example", isDynamic: true }).done()).text).toBe("ok");
  });

  test("ask() never gives a dynamic request the connection of another one", async () => {
    using server = openServer(answering(OK));
    const { resolve } = resolver(["127.0.0.1"]);
    const upstreams = pools({ resolve });
    const shared = request(server.port, { host: "inside.example" });
    const first = new Heard();
    upstreams.ask(shared, first);
    await first.done();
    const second = new Heard();
    upstreams.ask({ ...shared, isDynamic: true }, second);
    await second.done();
    expect(second.failure?.code).toBe("gateway.address_denied");
    const third = new Heard();
    upstreams.ask(shared, third);
    expect((await third.done()).text).toBe("ok");
    expect(server.peers.length).toBe(1);
  });
});

describe("bounds", () => {
  test("ask() opens one connection for each request at once, thousands of them", async () => {
    const held: (() => void)[] = [];
    using server = openServer(once((peer) => void held.push(() => peer.write(OK))));
    const upstreams = pools();
    const all = Array.from({ length: 1_000 }, () => ask(upstreams, server.port));
    await until("all requests", () => held.length === 1_000);
    expect(upstreams.counts().active).toBe(1_000);
    for (const answer of held) answer();
    for (const heard of all) expect((await heard.done()).text).toBe("ok");
    expect(upstreams.counts()).toMatchObject({ active: 0, connections: 256 });
  });

  test("ask() lets requests wait beyond the bound, in order, and fails those that wait for too long", async () => {
    const held: (() => void)[] = [];
    using server = openServer({ data: (peer) => void held.push(() => peer.write(OK)) });
    const clock = new SteppedClock();
    const upstreams = pools({ clock, limits: { connectionsPerOriginMax: 1 } });
    const timeouts = { connectMs: 1_000 };
    const all = Array.from({ length: 4 }, () => ask(upstreams, server.port, { timeouts }));
    await until("the first", () => held.length === 1);
    expect(upstreams.counts()).toMatchObject({ connections: 1, waiting: 3, active: 1 });
    all[1]!.call!.cancel(new Failure("gateway.client_gone", "gone"));
    expect(upstreams.counts().waiting).toBe(2);
    held[0]!();
    await until("the third", () => held.length === 2);
    expect(all.map(({ isDone }) => isDone)).toEqual([true, false, false, false]);
    clock.advance(1_000);
    expect(all[3]!.failure?.code).toBe("gateway.upstream_busy");
    expect(all[3]!.isUnsent).toBe(true);
    held[1]!();
    expect((await all[2]!.done()).text).toBe("ok");
    expect(all[1]!.isDone).toBe(false);
  });

  test("ask() refuses at once when too many wait", async () => {
    using server = openServer({});
    const upstreams = pools({ limits: { connectionsPerOriginMax: 1, waitingPerOriginMax: 2 } });
    const all = Array.from({ length: 4 }, () => ask(upstreams, server.port));
    expect(all.map(({ failure }) => failure?.code)).toEqual([undefined, undefined, BUSY, BUSY]);
    expect(all[2]!.isUnsent).toBe(true);
    await until("the first", () => server.peers[0]?.requests);
    expect(ask(upstreams, server.port).failure).toBeUndefined();
    expect(ask(upstreams, server.port).failure?.code).toBe(BUSY);
  });

  test("ask() refuses more origins than there may be, and takes new ones when old ones are gone", async () => {
    using server = openServer(answering(OK));
    const clock = new SteppedClock();
    const upstreams = pools({
      clock,
      limits: { originsMax: 2, idleMs: 1_000 },
      resolve: resolver(["127.0.0.1"]).resolve,
    });
    for (const host of ["a.example", "b.example"]) await ask(upstreams, server.port, { host }).done();
    expect(ask(upstreams, server.port, { host: "c.example" }).failure?.code).toBe("gateway.upstream_busy");
    clock.advance(1_000);
    expect((await ask(upstreams, server.port, { host: "c.example" }).done()).text).toBe("ok");
  });

  test("ask() keeps places for the origins of the file when dynamic ones take all of theirs", async () => {
    using server = openServer(answering(OK));
    const silent = () => new Promise<never>(() => {});
    const upstreams = pools({ limits: { originsMax: 1, dynamicOriginsMax: 3 }, resolve: silent });
    const all = Array.from({ length: 5 }, (_, at) => ask(upstreams, 80, { host: `h${at}.example`, isDynamic: true }));
    expect(all.map(({ failure }) => failure?.code)).toEqual([undefined, undefined, undefined, BUSY, BUSY]);
    expect((await ask(upstreams, server.port).done()).text).toBe("ok");
  });

  test("ask() uses the connection that was used last", async () => {
    const held: (() => void)[] = [];
    using server = openServer({ data: (peer) => void held.push(() => peer.write(OK)) });
    const upstreams = pools();
    const two = [ask(upstreams, server.port), ask(upstreams, server.port)];
    await until("both", () => held.length === 2);
    held[0]!();
    await until("one is answered", () => two.some(({ isDone }) => isDone));
    held[1]!();
    for (const heard of two) await heard.done();
    ask(upstreams, server.port);
    await until("the third", () => held.length === 3);
    expect(server.peers.map(({ requests }) => requests)).toEqual([1, 2]);
  });

  test("close() fails what is under way, and what is asked later", async () => {
    using server = openServer({});
    const clock = new SteppedClock();
    const upstreams = pools({ clock });
    const under = ask(upstreams, server.port);
    await until("the request", () => server.peers[0]?.requests);
    const cause = new Failure("gateway.stopped", "the gateway stops");
    upstreams.close(cause);
    expect(under.failure).toBe(cause);
    expect(ask(upstreams, server.port).failure).toBe(cause);
    await until("the server sees it", () => !server.peers[0]!.isOpen);
    expect(upstreams.counts().connections).toBe(0);
  });

  test("drain() closes idle connections at once and others after their request", async () => {
    const held: (() => void)[] = [];
    using server = openServer({ data: (peer) => void held.push(() => peer.write(OK)) });
    const upstreams = pools();
    const two = [ask(upstreams, server.port), ask(upstreams, server.port)];
    await until("both", () => held.length === 2);
    held[0]!();
    await until("one is answered", () => two.some(({ isDone }) => isDone));
    upstreams.drain();
    expect(upstreams.counts().connections).toBe(1);
    held[1]!();
    for (const heard of two) expect((await heard.done()).text).toBe("ok");
    expect(upstreams.counts().connections).toBe(0);
  });
});
