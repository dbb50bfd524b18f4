/** The door itself: which HTTP is spoken, whose address it is, several listeners on a port, and bytes that are nothing at all. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Http2Opener, SocketUser } from "../../../../../src/edge/gateway/listener/index.ts";
import { gather } from "../../../../../src/wire/http/index.ts";
import { until } from "../../../../support/until.ts";
import { goodRequest } from "../../../wire/http/messages.ts";
import { LIMITS } from "../../../wire/http/recording.ts";
import { VECTORS } from "../../../wire/http/request-vectors.ts";
import { echo, listen, RawClient, SETTINGS, sayOk, statuses } from "./rig.ts";

const PREFACE = "PRI * HTTP/2.0^^SM^^";

/** A speaker that only writes down what it hears. */
function hearing(): { readonly opener: Http2Opener; heard: string } {
  const recorder = {
    heard: "",
    opener: (): SocketUser => ({
      onBytes: (bytes) => {
        recorder.heard += Buffer.from(bytes).toString("latin1");
      },
      onDrain: () => {},
      onClosed: () => {},
      sweep: () => Number.POSITIVE_INFINITY,
      drain: () => {},
    }),
  };
  return recorder;
}

describe("openListener", () => {
  test("HTTP/2 gets all bytes from its preface on, however they are cut", async () => {
    for (const pieces of [[`${PREFACE}frames`], ["P", "RI * HT", "TP/2.0^^SM^", "^frames"]]) {
      const speaker = hearing();
      await using rig = listen({ handle: sayOk, http2: speaker.opener });
      await using client = await RawClient.connect(rig.listener.port);
      for (const piece of pieces) {
        client.send(piece);
        await Bun.sleep(2);
      }
      const whole = `${PREFACE}frames`.replaceAll("^", "\r\n");
      await until("the bytes", () => speaker.heard === whole);
      expect(rig.exchanges).toEqual([]);
    }
  });

  test("HTTP/1 gets what only begins like the preface", async () => {
    const speaker = hearing();
    await using rig = listen({ handle: echo, http2: speaker.opener });
    for (const start of ["P", "PR", "POST", "PRI", "PRI *"]) {
      await using client = await RawClient.connect(rig.listener.port);
      client.send(start);
      await Bun.sleep(2);
      client.send(start === "PRI *" ? "^^" : `${"OST".slice(start.length - 1)}X / HTTP/1.1^Host: a^^`);
      await until("an answer", () => statuses(client.text).length > 0);
    }
    expect([speaker.heard, rig.exchanges.length]).toEqual(["", 4]);
  });

  test("the preface is a malformed request when only HTTP/1 is spoken", async () => {
    await using rig = listen({ handle: sayOk, http2: "none" });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(PREFACE);
    expect(statuses(await client.ended())).toEqual([505]);
  });

  test("an IPv4 client of an IPv6 socket has its IPv4 address", async () => {
    await using rig = listen({ handle: sayOk, host: "::" });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET / HTTP/1.1^Host: a^^");
    await client.says("ok");
    expect(rig.exchanges[0]?.peer.address).toBe("127.0.0.1");
    expect(rig.exchanges[0]?.peer.port).toBeGreaterThan(0);
  });

  test("two listeners share a port when both say so, and a third that does not fails by name", async () => {
    await using first = listen({ handle: sayOk, reusePort: true });
    const { port } = first.listener;
    await using second = listen({ handle: sayOk, reusePort: true, port });
    expect(second.listener.port).toBe(port);
    expect(() => listen({ port })).toThrow(
      `listening on 127.0.0.1:${port} failed: somebody else listens there; another port is required`,
    );
  });

  test("stopAccepting() lets nobody in, and connections go on", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET /1 HTTP/1.1^Host: a^^");
    await client.says("ok /1");
    rig.listener.stopAccepting();
    expect(RawClient.connect(rig.listener.port)).rejects.toThrow();
    client.send("GET /2 HTTP/1.1^Host: a^^");
    await client.says("ok /2");
  });

  test("no vector of the table ever becomes a whole request, each is answered by its status and closed", async () => {
    let whole = 0;
    await using rig = listen({
      http2: "none",
      settings: { headerBytesMax: LIMITS.headerBytesMax, headersMax: 12, targetBytesMax: LIMITS.targetBytesMax },
      handle: ({ body }) =>
        gather(body, 10_000, (outcome) => {
          whole += outcome instanceof Failure ? 0 : 1;
        }),
    });
    for (const { name, status, text } of VECTORS) {
      await using client = await RawClient.connect(rig.listener.port);
      client.sendBytes(Buffer.from(text, "latin1"));
      expect([name, statuses(await client.ended())]).toEqual([name, [status]]);
    }
    expect([whole, rig.listener.counts().faults]).toEqual([0, VECTORS.length]);
  });

  test("random bytes, cut anywhere, neither stop the listener nor stay", async () => {
    await using rig = listen({ handle: echo });
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      goodRequest.map((text) => Buffer.from(text, "latin1")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(noise, { minLength: 1, maxLength: 4 }), fc.boolean(), async (pieces, cuts) => {
        const client = await RawClient.connect(rig.listener.port);
        for (const piece of pieces) client.sendBytes(piece);
        if (cuts) client.cut();
        else client.finish();
      }),
      { numRuns: 100 },
    );
    rig.clock.advance(SETTINGS.keepAliveMs * 2);
    await until("nobody is left", () => rig.listener.counts().connections === 0);
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET /alive HTTP/1.1^Host: a^^");
    await client.says("GET /alive");
  });
});
