/** What clients may not do: be slow, be many, stay for ever. Time is moved by hand. */
import { describe, expect, test } from "bun:test";
import { until } from "../../../../support/until.ts";
import { listen, RawClient, RecordingSink, SETTINGS, sayOk, statuses } from "./rig.ts";

/** A time-out may come a tick late: a quarter of the shortest one, 2.5 s here; its start is seen one tick late too. */
const LATE_MS = 5_000;

describe("openListener", () => {
  test("a head that does not become whole is answered with 408, late bytes or not", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET / HTTP/1.1^X: ");
    await until("bytes came", () => rig.listener.counts().connections === 1);
    for (let piece = 0; piece < 15; piece++) {
      client.send("x");
      await Bun.sleep(0);
      rig.clock.advance(1_000);
    }
    expect(statuses(await client.ended())).toEqual([408]);
    expect(rig.faults.map(({ failure }) => failure.code)).toEqual(["gateway.client_slow"]);
    expect(rig.exchanges).toEqual([]);
  });

  test("a head is given its time", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET / HTTP/1.1^X: ");
    await until("the connection", () => rig.listener.counts().connections === 1);
    rig.clock.advance(SETTINGS.headTimeoutMs - 100);
    client.send("y^Host: a^^");
    await client.says("ok");
  });

  test("a connection without requests is closed without a word when its time is over", async () => {
    await using rig = listen({ handle: sayOk });
    await using silent = await RawClient.connect(rig.listener.port);
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET /1 HTTP/1.1^Host: a^^");
    await client.says("ok");
    rig.clock.advance(SETTINGS.keepAliveMs - 100);
    expect([silent.isEnded, client.isEnded]).toEqual([false, false]);
    rig.clock.advance(LATE_MS);
    expect(await silent.ended()).toBe("");
    expect(statuses(await client.ended())).toEqual([200]);
    expect(rig.faults).toEqual([]);
  });

  test("a body below the minimum rate is cut off with 408, one above it is not", async () => {
    await using rig = listen();
    await using slow = await RawClient.connect(rig.listener.port);
    await using good = await RawClient.connect(rig.listener.port);
    const head = "POST / HTTP/1.1^Host: a^Content-Length: 100000^^";
    slow.send(head);
    await until("the first", () => rig.exchanges.length === 1);
    good.send(head);
    await until("the second", () => rig.exchanges.length === 2);
    const sinks = rig.exchanges.map(({ body }) => {
      const sink = new RecordingSink();
      body.start(sink);
      return sink;
    });
    for (let second = 1; second <= 30; second++) {
      slow.send("x".repeat(20));
      good.send("x".repeat(200));
      await until("the bytes", () => sinks[1]!.size === 200 * second);
      rig.clock.advance(1_000);
    }
    expect(statuses(await slow.ended())).toEqual([408]);
    expect(sinks[0]!.aborted?.code).toBe("gateway.client_slow");
    expect([sinks[1]!.aborted, good.isEnded]).toEqual([undefined, false]);
  });

  test("a body that we do not take is no fault of the client's", async () => {
    await using rig = listen();
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Content-Length: 5^^hello");
    const { body } = await until("the request", () => rig.exchanges[0]);
    rig.clock.advance(10 * SETTINGS.bodyIdleMs);
    const sink = new RecordingSink();
    body.start(sink);
    expect([sink.text, sink.isEnded]).toEqual(["hello", true]);
  });

  test("a client that does not take its reply is cut off, one that does is not", async () => {
    const size = 20_000_000;
    await using rig = listen({ handle: (exchange) => exchange.send({ status: 200, headers: [] }, Buffer.alloc(size)) });
    await using stuck = await RawClient.connect(rig.listener.port);
    await using good = await RawClient.connect(rig.listener.port);
    stuck.pause();
    stuck.send("GET /stuck HTTP/1.1^Host: a^^");
    await until("the request", () => rig.exchanges.length === 1);
    good.send("GET /good HTTP/1.1^Host: a^^");
    await until("it is read", () => good.text.length > size);
    for (let second = 0; second < 30; second++) rig.clock.advance(1_000);
    await until("it is cut off", () => rig.listener.counts().connections === 1);
    expect(good.isEnded).toBe(false);
  });

  test("a connection too many is answered with 503, and there is room again when one has gone", async () => {
    await using rig = listen({ handle: sayOk, settings: { connectionsMax: 1 } });
    const first = await RawClient.connect(rig.listener.port);
    await until("the first", () => rig.listener.counts().connections === 1);
    await using second = await RawClient.connect(rig.listener.port);
    expect(statuses(await second.ended())).toEqual([503]);
    expect(rig.listener.counts()).toMatchObject({ accepted: 2, refused: 1, connections: 1 });
    first.cut();
    await until("there is room", () => rig.listener.counts().connections === 0);
    await using third = await RawClient.connect(rig.listener.port);
    third.send("GET /3 HTTP/1.1^Host: a^^");
    await third.says("ok /3");
  });

  test("an address has its own bound, and reload() changes it", async () => {
    await using rig = listen({ handle: sayOk, settings: { connectionsPerAddressMax: 1 } });
    await using first = await RawClient.connect(rig.listener.port);
    first.send("GET /1 HTTP/1.1^Host: a^^");
    await first.says("ok");
    await using second = await RawClient.connect(rig.listener.port);
    expect(statuses(await second.ended())).toEqual([503]);
    rig.listener.reload({ ...SETTINGS, connectionsPerAddressMax: 2 });
    await using third = await RawClient.connect(rig.listener.port);
    third.send("GET /3 HTTP/1.1^Host: a^^");
    await third.says("ok /3");
  });

  test("close() answers what is on its way already on quiet connections, says that nothing follows, and ends the others soon", async () => {
    const rig = listen({ handle: sayOk });
    await using kept = await RawClient.connect(rig.listener.port);
    await using fresh = await RawClient.connect(rig.listener.port);
    await using quiet = await RawClient.connect(rig.listener.port);
    await using unheard = await RawClient.connect(rig.listener.port);
    for (const client of [kept, quiet]) {
      client.send("GET /1 HTTP/1.1^Host: a^^");
      await client.says("ok /1");
    }
    await until("all are in", () => rig.listener.counts().connections === 4);
    const closing = rig.listener.close(30_000);
    for (const client of [kept, fresh]) {
      client.send("GET /late HTTP/1.1^Host: a^^");
      expect(await client.ended()).toContain("ok /late");
      expect(client.text).toContain("connection: close");
    }
    expect([quiet.isEnded, unheard.isEnded]).toEqual([false, false]);
    rig.clock.advance(250);
    for (const client of [quiet, unheard]) await client.ended();
    rig.clock.advance(10_000); // what they still send is read for a while
    await closing;
  });

  test("close() answers one more request where the reply under way had said before that the connection is kept", async () => {
    const rig = listen();
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET /1 HTTP/1.1^Host: a^^");
    await until("a request", () => rig.exchanges.length === 1);
    const sink = rig.exchanges[0]!.respond({ status: 200, headers: [] }, 2);
    sink.write(Buffer.from("o"));
    await client.says("^^o".replaceAll("^", "\r\n"));
    const closing = rig.listener.close(30_000);
    sink.write(Buffer.from("k"));
    sink.end();
    client.send("GET /2 HTTP/1.1^Host: a^^");
    await until("the next one", () => rig.exchanges.length === 2);
    sayOk(rig.exchanges[1]!);
    expect(await client.ended()).toContain("connection: close");
    rig.clock.advance(10_000);
    await closing;
  });

  test("close() lets requests finish, ends quiet connections soon and the others when their time is over", async () => {
    const rig = listen();
    await using quiet = await RawClient.connect(rig.listener.port);
    await using busy = await RawClient.connect(rig.listener.port);
    await using stuck = await RawClient.connect(rig.listener.port);
    busy.send("GET /busy HTTP/1.1^Host: a^^");
    await until("a request", () => rig.exchanges.length === 1);
    stuck.send("GET /stuck HTTP/1.1^Host: a^^");
    await until("requests", () => rig.exchanges.length === 2);
    let gone = "";
    rig.exchanges[1]!.onGone = ({ code }) => {
      gone = code;
    };
    const closing = rig.listener.close(5_000);
    rig.clock.advance(250);
    await quiet.ended();
    sayOk(rig.exchanges[0]!);
    expect(await busy.ended()).toContain("connection: close");
    expect(busy.text).toContain("ok /busy");
    expect(stuck.isEnded).toBe(false);
    rig.clock.advance(5_000);
    await closing;
    await stuck.ended();
    expect(gone).toBe("gateway.closing");
    expect(RawClient.connect(rig.listener.port)).rejects.toThrow();
  });

  test("no timers are set for requests or connections when there are many", async () => {
    await using rig = listen({ handle: sayOk });
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(rig.listener.port)));
    for (const client of clients) client.send("GET /1 HTTP/1.1^Host: a^^GET /2 HTTP/1.1^Ho");
    for (const client of clients) await client.says("ok /1");
    expect(rig.clock.timers).toBe(2); // that of all time-outs, and that of this second's date
    for (const client of clients) client.cut();
  });
});
