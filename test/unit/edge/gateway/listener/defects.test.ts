/** What one of our own parts throws costs the exchange or the connection it was thrown for, and never the process. */
import { describe, expect, test } from "bun:test";
import type { Exchange } from "../../../../../src/edge/gateway/words/index.ts";
import { until } from "../../../../support/until.ts";
import { frame, GET, headers, POST, PREFACE, settings, TYPE, uint32 } from "../../../wire/http2/rig.ts";
import { listen, RawClient, RecordingSink, type Rig, SETTINGS, sayOk } from "./rig.ts";

class Bug extends Error {}

const fail = (): never => {
  throw new Bug("a bug of ours");
};
const causes = (rig: Rig): unknown[] =>
  rig.faults.map(({ failure, peer }) => [failure.code, failure.cause instanceof Bug, peer.address]);
const ONE = [["gateway.defect", true, "127.0.0.1"]];

/** Others are still served. */
async function isAlive(rig: Rig): Promise<void> {
  await using client = await RawClient.connect(rig.listener.port);
  client.send("GET /alive HTTP/1.1^Host: a^^");
  await client.says("ok /alive");
}

function handling(handle: (exchange: Exchange) => void): Rig {
  return listen({ handle: (exchange) => (exchange.request.target === "/alive" ? sayOk : handle)(exchange) });
}

describe("openListener", () => {
  test("the connection is closed and the fault told when the handler throws in HTTP/1", async () => {
    const gone: string[] = [];
    await using rig = handling((exchange) => {
      exchange.onGone = ({ code }) => void gone.push(code);
      fail();
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST / HTTP/1.1^Host: a^Content-Length: 3^^abcGET /next HTTP/1.1^Host: a^^");
    expect(await client.ended()).toBe("");
    expect([causes(rig), gone, rig.exchanges.length]).toEqual([ONE, ["gateway.defect"], 1]);
    await isAlive(rig);
    await until("it is forgotten", () => rig.listener.counts().connections === 0);
  });

  test("the stream alone is reset when the handler throws in HTTP/2", async () => {
    const gone: string[] = [];
    await using rig = handling((exchange) => {
      if (exchange.request.method !== "POST") return sayOk(exchange);
      exchange.onGone = ({ code }) => void gone.push(code);
      fail();
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.sendBytes(Buffer.concat([PREFACE, settings(), headers(1, POST, false), headers(3, GET)]));
    await client.says("ok /");
    expect(client.text).toContain(Buffer.from(frame(TYPE.reset, 0, 1, uint32(8))).toString("latin1"));
    expect([causes(rig), gone, client.isEnded]).toEqual([ONE, ["gateway.defect"], false]);
  });

  test("the exchange has been answered and its reply is not cut when the handler throws after it", async () => {
    await using rig = handling((exchange) => {
      exchange.onGone = () => expect.unreachable("the reply was whole");
      sayOk(exchange);
      fail();
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET /1 HTTP/1.1^Host: a^^");
    await client.says("ok /1");
    client.send("GET /2 HTTP/1.1^Host: a^^");
    await client.says("ok /2");
    expect(causes(rig)).toEqual([...ONE, ...ONE]);
  });

  const broken: readonly (readonly [string, (client: RawClient, rig: Rig) => void, (exchange: Exchange) => void])[] = [
    [
      "a body's taker throws",
      (client) => client.send("abc"),
      ({ body }) => body.start(Object.assign(new RecordingSink(), { write: fail })),
    ],
    [
      "the one who is told that the client is gone throws",
      (client) => client.cut(),
      (exchange) => {
        exchange.onGone = fail;
      },
    ],
    [
      "the one who is told that the client is too slow throws",
      (_client, rig) => rig.clock.advance(3 * SETTINGS.bodyIdleMs),
      (exchange) => {
        exchange.onGone = fail;
        exchange.body.start(new RecordingSink());
      },
    ],
  ];
  const speaking: readonly (readonly [string, (client: RawClient) => void, (text: string) => Uint8Array])[] = [
    ["HTTP/1", (client) => client.send("POST / HTTP/1.1^Host: a^Content-Length: 9^^"), (text) => Buffer.from(text)],
    [
      "HTTP/2",
      (client) => client.sendBytes(Buffer.concat([PREFACE, settings(), headers(1, POST, false)])),
      (text) => frame(TYPE.data, 0, 1, Buffer.from(text)),
    ],
  ];
  for (const [version, ask, framed] of speaking) {
    test.each(broken)(`the connection is given up in ${version} when %s`, async (_what, provoke, handle) => {
      await using rig = handling(handle);
      await using client = await RawClient.connect(rig.listener.port);
      ask(client);
      await until("the request", () => rig.exchanges.length === 1);
      const { send } = client;
      client.send = (text) => client.sendBytes(framed(text));
      for (let step = 0; step < 4 && rig.faults.length === 0; step++) {
        provoke(client, rig);
        await Bun.sleep(0);
      }
      client.send = send;
      await until("it is told", () => causes(rig).some((cause) => Bun.deepEquals(cause, ONE[0])));
      await until("it is forgotten", () => rig.listener.counts().connections === 0);
      await isAlive(rig);
    });
  }

  test("the client is turned away and the process lives when the certificate is none", async () => {
    await using rig = listen({
      handle: sayOk,
      tls: () => ({ certificate: "none", key: "none", clientCertificate: "none" }),
    });
    await using client = await RawClient.connect(rig.listener.port);
    await client.ended();
    expect(rig.faults.map(({ failure }) => failure.code)).toEqual(["gateway.defect"]);
    expect(rig.listener.counts().connections).toBe(0);
  });
});
