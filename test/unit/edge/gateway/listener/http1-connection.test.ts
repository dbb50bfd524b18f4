/** Requests and replies on connections of HTTP/1: their order, their bodies, and what happens when either side does what it should not. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Exchange } from "../../../../../src/edge/gateway/words/index.ts";
import { until } from "../../../../support/until.ts";
import { DATE, echo, listen, RawClient, RecordingSink, sayOk, statuses } from "./rig.ts";

const GET = "GET /1 HTTP/1.1^Host: a^^";
const broken = new Failure("test.broken", "it broke");

describe("Http1Connection", () => {
  test("send() writes head and body in one piece, and the connection goes on", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(GET);
    expect(await client.says("ok /1")).toBe(`HTTP/1.1 200 OK\r\n${DATE}content-length: 5\r\n\r\nok /1`);
    client.send("GET /2 HTTP/1.1^Host: a^^");
    await client.says("ok /2");
    expect(rig.listener.counts()).toMatchObject({ accepted: 1, connections: 1, requests: 2, faults: 0 });
    expect(rig.exchanges[0]?.peer.address).toBe("127.0.0.1");
  });

  test("requests that come at once are answered in order when the first reply is late", async () => {
    await using rig = listen();
    await using client = await RawClient.connect(rig.listener.port);
    client.send(`${GET}GET /2 HTTP/1.1^Host: a^^GET /3 HTTP/1.1^Host: a^^`);
    for (const at of [0, 1, 2]) {
      await until("the next request", () => rig.exchanges.length === at + 1);
      sayOk(rig.exchanges[at]!);
    }
    const text = await client.says("ok /3");
    expect(statuses(text)).toEqual([200, 200, 200]);
    expect(text.indexOf("ok /1")).toBeLessThan(text.indexOf("ok /2"));
  });

  for (const [kind, body] of [
    ["its length", 'Content-Length: 7^^{"a":1}'],
    ["chunks", 'Transfer-Encoding: chunked^^7^{"a":1}^0^^'],
  ] as const)
    test(`a later reply leaves the connection to the next request when nobody wanted the body, sent with ${kind}`, async () => {
      await using rig = listen();
      await using client = await RawClient.connect(rig.listener.port);
      client.send(`POST /1 HTTP/1.1^Host: a^${body}`); // in one piece with the head
      await until("the request", () => rig.exchanges.length === 1);
      rig.exchanges[0]!.send({ status: 502, headers: [] }, Buffer.from("nobody there"));
      await client.says("nobody there");
      client.send("GET /2 HTTP/1.1^Host: a^^");
      await until("the next request", () => rig.exchanges.length === 2);
      sayOk(rig.exchanges[1]!);
      expect(statuses(await client.says("ok /2"))).toEqual([502, 200]);
    });

  test("a malformed request behind good ones is refused behind their replies, and never handled", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(
      `${GET}POST / HTTP/1.1^Host: a^Content-Length: 1^Transfer-Encoding: chunked^^0^^GET /no HTTP/1.1^Host: a^^`,
    );
    const text = await client.ended();
    expect(statuses(text)).toEqual([200, 400]);
    expect(text).toContain('"code":"http.malformed"');
    expect(text).toContain("connection: close");
    expect(rig.exchanges).toHaveLength(1);
    expect(rig.faults.map(({ failure }) => failure.code)).toEqual(["http.malformed"]);
  });

  for (const [fields, status] of [
    ["X: a\x01", 400],
    [`X: ${"x".repeat(5_000)}`, 431],
    ["Transfer-Encoding: gzip", 501],
  ] as const)
    test(`a head is answered with ${status} when it is refused`, async () => {
      await using rig = listen({ handle: sayOk });
      await using client = await RawClient.connect(rig.listener.port);
      client.send(`GET / HTTP/1.1^Host: a^${fields}^^`);
      expect(statuses(await client.ended())).toEqual([status]);
      expect(rig.exchanges).toEqual([]);
    });

  test("a body flows in chunks both ways, with its trailers", async () => {
    await using rig = listen({ handle: echo });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Transfer-Encoding: chunked^^5^hello^");
    await client.says("5\r\nhello");
    client.send("1^!^0^X-Sum: 7^^");
    expect(await client.says("x-sum")).toBe(
      `HTTP/1.1 200 OK\r\nx-asked: POST /\r\n${DATE}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nx-sum: 7\r\n\r\n`,
    );
    client.send("GET /again HTTP/1.1^Host: a^^");
    await client.says("GET /again");
  });

  test("a body is not read before it is wanted, and not faster than it is taken", async () => {
    await using rig = listen();
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Content-Length: 100000000^^");
    const piece = new Uint8Array(1 << 20);
    const { body } = await until("the request", () => rig.exchanges[0]);
    const sink = new RecordingSink();
    sink.isFull = true;
    body.start(sink);
    let sent = 0;
    await until("the system takes no more", async () => {
      const taken = client.trySend(piece);
      sent += Math.max(0, taken);
      return taken === 0;
    });
    expect(sink.size).toBeLessThan(sent);
    sink.isFull = false;
    sink.onReady?.();
    await until("the rest is taken", () => sink.size === sent);
  });

  test("start() has 100 Continue sent when the client waits for it", async () => {
    await using rig = listen();
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Expect: 100-continue^Content-Length: 2^^");
    const exchange = await until("the request", () => rig.exchanges[0]);
    expect(client.text).toBe("");
    const sink = new RecordingSink();
    exchange.body.start(sink);
    await client.says("100 Continue\r\n\r\n");
    client.send("hi");
    await until("the body", () => sink.isEnded);
    sayOk(exchange);
    expect(statuses(await client.says("ok"))).toEqual([100, 200]);
  });

  test("the connection ends behind the reply when a body that waits for 100 Continue is not wanted", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Expect: 100-continue^Content-Length: 2^^");
    const text = await client.ended();
    expect(statuses(text)).toEqual([200]);
    expect(text).toContain("connection: close");
  });

  test("the connection ends behind the reply when a body that waits for 100 Continue was cancelled before it", async () => {
    const targets: string[] = [];
    await using rig = listen({
      handle: (exchange) => {
        targets.push(exchange.request.target);
        exchange.body.cancel(new Failure("test.unwanted", "as the test says"));
        sayOk(exchange);
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    const hidden = "GET /hidden HTTP/1.1^Host: a^^";
    client.send(`PUT /a HTTP/1.1^Host: a^Expect: 100-continue^Content-Length: ${hidden.length}^^`);
    await client.says("ok /a");
    client.send(`${hidden}GET /b HTTP/1.1^Host: a^^`);
    expect(await client.ended()).toContain("connection: close");
    expect([statuses(client.text), targets]).toEqual([[200], ["/a"]]);
  });

  test("an unread body is dropped, and not taken for a request, when it is short", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(`POST / HTTP/1.1^Host: a^Content-Length: ${GET.length + 3}^^${GET}GET /2 HTTP/1.1^Host: a^^`);
    expect(statuses(await client.says("ok /2"))).toEqual([200, 200]);
    expect(rig.exchanges.map(({ request }) => request.target)).toEqual(["/", "/2"]);
  });

  test("an unread body in chunks ends the connection, and does not cut off the reply, when it is long", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Transfer-Encoding: chunked^^40000^");
    await client.says("ok");
    client.sendBytes(new Uint8Array(100_000));
    expect(statuses(await client.ended())).toEqual([200]);
  });

  test("a long body that nobody wants ends the connection behind the reply", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(`POST / HTTP/1.1^Host: a^Content-Length: 100000^^${GET}`);
    const text = await client.ended();
    expect([statuses(text), rig.exchanges.length]).toEqual([[200], 1]);
    expect(text).toContain("connection: close");
  });

  test("a cancelled body is dropped and the connection goes on when it is short", async () => {
    await using rig = listen({
      handle: (exchange) => {
        exchange.body.start(new RecordingSink());
        exchange.body.cancel(broken);
        if (exchange.request.method === "GET") sayOk(exchange);
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST /1 HTTP/1.1^Host: a^Content-Length: 5^^hello");
    const exchange = await until("the request", () => rig.exchanges[0]);
    await until("the body is read", () => exchange.body);
    sayOk(exchange);
    client.send("GET /2 HTTP/1.1^Host: a^^");
    await client.says("ok /2");
  });

  test("respond() aborts the reply when more or fewer bytes come than its head tells", async () => {
    for (const bytes of ["abc", "abcde"]) {
      let cancelled = 0;
      await using rig = listen({
        handle: (exchange) => {
          const sink = exchange.respond({ status: 200, headers: [] }, 4);
          sink.onCancel = () => cancelled++;
          sink.write(Buffer.from(bytes));
          sink.end();
        },
      });
      await using client = await RawClient.connect(rig.listener.port);
      client.send(GET);
      await client.ended();
      expect(cancelled).toBe(1);
      expect(client.text).not.toContain("abcde");
    }
  });

  test("a reply to HEAD, 204 or 304 has no body whatever is written", async () => {
    await using rig = listen({
      handle: (exchange) => {
        const status = Number(exchange.request.target.slice(1));
        if (exchange.request.method === "HEAD") return exchange.send({ status, headers: [] }, Buffer.from("body"));
        const sink = exchange.respond({ status, headers: ["content-length", "4"] });
        sink.write(Buffer.from("body"));
        sink.end();
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(
      "HEAD /200 HTTP/1.1^Host: a^^GET /204 HTTP/1.1^Host: a^^GET /304 HTTP/1.1^Host: a^^GET /200 HTTP/1.1^Host: a^^",
    );
    const text = await client.says("0\r\n\r\n");
    expect(text).toBe(
      [
        `HTTP/1.1 200 OK\r\n${DATE}content-length: 4\r\n\r\n`,
        `HTTP/1.1 204 No Content\r\n${DATE}\r\n`,
        `HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n${DATE}\r\n`,
        `HTTP/1.1 200 OK\r\n${DATE}transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
      ].join(""),
    );
  });

  test("a client of HTTP/1.0 gets no chunks: the end of the connection ends the body", async () => {
    await using rig = listen({ handle: echo });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.0^Content-Length: 2^Connection: keep-alive^^hi");
    expect(await client.ended()).toBe(`HTTP/1.1 200 OK\r\nx-asked: POST /\r\n${DATE}connection: close\r\n\r\nhi`);
  });

  test("a client of HTTP/1.0 keeps its connection when it asks for that and the length is known", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET /1 HTTP/1.0^Connection: keep-alive^^");
    expect(await client.says("ok /1")).toContain("connection: keep-alive");
    client.send("GET /2 HTTP/1.0^^");
    await client.ended();
    expect(client.text).toContain("ok /2");
  });

  test("inform() sends interim replies, and none to HTTP/1.0", async () => {
    await using rig = listen({
      handle: (exchange) => {
        exchange.inform({ status: 103, headers: ["link", "x"] });
        sayOk(exchange);
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(`${GET}GET /0 HTTP/1.0^^`);
    const text = await client.ended();
    expect(statuses(text)).toEqual([103, 200, 200]);
    expect(text).toContain("103 Early Hints\r\nlink: x\r\n\r\n");
  });

  test("send() throws gateway.bad_header and can be called again when a value holds a line end", async () => {
    await using rig = listen({
      handle: (exchange) => {
        expect(() => exchange.send({ status: 200, headers: ["x", "a\r\nb: c"] })).toThrow("forbidden character");
        exchange.send({ status: 500, headers: [] });
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(GET);
    expect(await client.says("500")).not.toContain("b: c");
  });

  test("a second reply is an invariant broken", async () => {
    let second = "";
    await using rig = listen({
      handle: (exchange) => {
        sayOk(exchange);
        try {
          sayOk(exchange);
        } catch (thrown) {
          second = String(thrown);
        }
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(GET);
    await client.says("ok");
    expect(second).toContain("answered twice");
  });

  test("onGone is called once, the body aborted and the reply cancelled when the client goes", async () => {
    await using rig = listen();
    const client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Content-Length: 5^^he");
    const exchange = await until("the request", () => rig.exchanges[0]);
    const events: string[] = [];
    exchange.onGone = ({ code }) => events.push(`gone ${code}`);
    const sink = new RecordingSink();
    exchange.body.start(sink);
    exchange.respond({ status: 200, headers: [] }).onCancel = ({ code }) => events.push(`cancel ${code}`);
    client.cut();
    await until("it is known", () => events.length === 2 && sink.aborted);
    expect(events).toEqual(["cancel gateway.client_gone", "gone gateway.client_gone"]);
    expect([sink.aborted?.code, sink.isEnded]).toEqual(["gateway.client_gone", false]);
    await until("it is counted", () => rig.listener.counts().connections === 0);
  });

  test("a malformed body aborts the request: 400 where no reply has begun, a cut where one has", async () => {
    for (const begins of [false, true]) {
      await using rig = listen();
      await using client = await RawClient.connect(rig.listener.port);
      client.send("POST / HTTP/1.1^Host: a^Transfer-Encoding: chunked^^2^hi^");
      const exchange = await until("the request", () => rig.exchanges[0]);
      const sink = new RecordingSink();
      exchange.body.start(sink);
      let gone = 0;
      exchange.onGone = () => gone++;
      if (begins) exchange.respond({ status: 200, headers: [] }).write(Buffer.from("some"));
      client.send("zz^");
      const text = await client.ended();
      expect(statuses(text)).toEqual([begins ? 200 : 400]);
      expect([gone, sink.aborted?.code, text.endsWith("0\r\n\r\n")]).toEqual([1, "http.malformed", false]);
    }
  });

  test("a reply waits for a client that does not read, and goes on when it does", async () => {
    let sink: ReturnType<Exchange["respond"]> | undefined;
    await using rig = listen({
      handle: (exchange) => {
        sink = exchange.respond({ status: 200, headers: [] });
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.pause();
    client.send(GET);
    const reply = await until("the reply", () => sink);
    let written = 0;
    while (reply.write(Buffer.alloc(100_000, "x"))) written += 100_000;
    written += 100_000;
    let isReady = false;
    reply.onReady = () => {
      isReady = true;
    };
    expect(isReady).toBe(false);
    client.resume();
    await until("there is room again", () => isReady);
    reply.end();
    const text = await client.says("0\r\n\r\n");
    expect(text.length).toBeGreaterThan(written);
  });

  test("requests are not read on when their replies are not taken", async () => {
    const body = Buffer.alloc(200_000, "x");
    await using rig = listen({ handle: (exchange) => exchange.send({ status: 200, headers: [] }, body) });
    await using client = await RawClient.connect(rig.listener.port);
    client.pause();
    client.send(GET.repeat(2_000));
    await until("requests", () => rig.exchanges.length > 0);
    await Bun.sleep(0);
    const before = rig.exchanges.length;
    expect(before).toBeLessThan(200);
    client.resume();
    await until("more requests", () => rig.exchanges.length > before);
  });

  test("the connection ends behind as many requests as are allowed", async () => {
    await using rig = listen({ handle: sayOk, settings: { requestsPerConnectionMax: 2 } });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(GET.repeat(3));
    const text = await client.ended();
    expect([statuses(text), rig.exchanges.length]).toEqual([[200, 200], 2]);
    expect(text.match(/connection: close/g)).toHaveLength(1);
  });

  test("reset() closes the connection without a reply", async () => {
    await using rig = listen({ handle: (exchange) => exchange.reset(broken) });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(GET);
    expect(await client.ended()).toBe("");
  });

  test("a client that sends no more still gets the replies that are whole", async () => {
    const body = Buffer.alloc(3_000_000, "x");
    await using rig = listen({ handle: (exchange) => exchange.send({ status: 200, headers: [] }, body) });
    await using client = await RawClient.connect(rig.listener.port);
    client.pause();
    client.send(GET);
    client.finish();
    await until("the request", () => rig.exchanges[0]);
    client.resume();
    const text = await client.ended();
    expect(text.length).toBeGreaterThan(3_000_000);
  });
});
