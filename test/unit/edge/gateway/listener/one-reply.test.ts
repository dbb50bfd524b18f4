/** One reply to one request of HTTP/1, also where the rest of the request turns out bad behind it. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Exchange } from "../../../../../src/edge/gateway/words/index.ts";
import { until } from "../../../../support/until.ts";
import { listen, RawClient, RecordingSink, statuses } from "./rig.ts";

const unwanted = new Failure("test.unwanted", "nobody wants it");

/** A reply that does not wait for the request's body. */
function early(exchange: Exchange): void {
  exchange.body.cancel(unwanted);
  exchange.send({ status: 404, headers: [] }, Buffer.from("no"));
}

describe("a reply that was whole before its request", () => {
  const rests: readonly (readonly [string, string, string])[] = [
    ["a chunk is none", "transfer-encoding: chunked", "XYZ^"],
    ["trailers are none", "transfer-encoding: chunked", "0^Host: b^^"],
  ];
  test.each(rests)("the connection is closed without another reply when %s", async (_what, framing, rest) => {
    await using rig = listen({ handle: early });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(`POST / HTTP/1.1^host: a^${framing}^^`);
    await client.says("no");
    client.send(rest);
    expect(statuses(await client.ended())).toEqual([404]);
    expect(rig.faults.map(({ failure }) => failure.code)).toEqual(["http.malformed"]);
  });

  test("the connection is closed without another reply when the body does not come", async () => {
    await using rig = listen({ handle: early });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^host: a^content-length: 10^^12345");
    await client.says("no");
    for (let second = 0; second < 40; second++) rig.clock.advance(1_000);
    expect(statuses(await client.ended())).toEqual([404]);
  });

  test("who reads the body on sees that it broke when a chunk is none", async () => {
    const sink = new RecordingSink();
    await using rig = listen({
      handle: (exchange) => {
        exchange.body.start(sink);
        exchange.send({ status: 200, headers: [] }, Buffer.from("ok"));
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^host: a^transfer-encoding: chunked^^3^abc^");
    await client.says("ok");
    client.send("XYZ^");
    expect(statuses(await client.ended())).toEqual([200]);
    expect([sink.text, sink.aborted?.code]).toEqual(["abc", "http.malformed"]);
  });

  test("the next request is answered with its own fault when the one before was whole", async () => {
    await using rig = listen({ handle: early });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^host: a^content-length: 2^^12GET / HTTP/1.1^^");
    expect(statuses(await client.ended())).toEqual([404, 400]);
  });
});

describe("a reply that is whole before the connection is cut", () => {
  test("it reaches its client when the next request, which came with it, is dropped", async () => {
    await using rig = listen({
      handle: (exchange) => {
        if (exchange.request.target === "/dropped") return exchange.reset(unwanted);
        exchange.send({ status: 200, headers: [] }, Buffer.from("hello"));
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET /good HTTP/1.1^host: a^^GET /dropped HTTP/1.1^host: a^^");
    await until("the connection is cut", () => client.isClosed);
    expect([statuses(client.text), client.text.endsWith("hello")]).toEqual([[200], true]);
  });

  test("what came of a reply reaches its client when the rest breaks in the same turn", async () => {
    await using rig = listen({
      handle: (exchange) => {
        const sink = exchange.respond({ status: 200, headers: [] });
        sink.write(Buffer.from("begun"));
        sink.abort(unwanted);
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET / HTTP/1.1^host: a^^");
    await until("the connection is cut", () => client.isClosed);
    expect([statuses(client.text), client.text.endsWith("5\r\nbegun")]).toEqual([[200], true]);
  });
});
