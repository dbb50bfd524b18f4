/** The end of a connection: nothing of a reply is lost to who is slow to read it, or has not sent all yet. */
import { describe, expect, test } from "bun:test";
import { until } from "../../../../support/until.ts";
import { listen, RawClient, sayOk, statuses } from "./rig.ts";

/** The system takes it at once, far more than a client that does not read gets. */
const REPLY_BYTES = 1_000_000;
const CLOSING = "GET /big HTTP/1.1^Host: a^Connection: close^^";

describe("openListener", () => {
  test("a reply in front of the end reaches a client whole that reads it long after the connection was let go", async () => {
    const whole = Buffer.alloc(REPLY_BYTES, "x");
    await using rig = listen({ handle: (exchange) => exchange.send({ status: 200, headers: [] }, whole) });
    await using client = await RawClient.connect(rig.listener.port);
    client.pause();
    client.send(CLOSING);
    await until("it is answered", () => rig.exchanges.length === 1);
    await until("the connection was let go", () => {
      rig.clock.advance(1_000);
      return rig.listener.counts().connections === 0;
    });
    expect(client.text).toBe("");
    client.resume();
    const text = await client.ended();
    expect([statuses(text), text.length - text.indexOf("\r\n\r\n") - 4]).toEqual([[200], REPLY_BYTES]);
  });

  test("who goes on sending a body that nobody wants is heard out for a while, and reads the reply", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.pause();
    client.send("POST /up HTTP/1.1^Host: a^Content-Length: 100000000^^");
    await until("it is answered", () => rig.exchanges.length === 1);
    const piece = new Uint8Array(64 * 1_024);
    // Far more than lies in the sockets' buffers: that it is taken shows that it is read.
    for (let sent = 0; sent < 32 * 2 ** 20; ) {
      const taken = client.trySend(piece);
      expect(taken).toBeGreaterThanOrEqual(0);
      sent += taken;
      if (taken < piece.byteLength) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rig.listener.counts().connections).toBe(1);
    client.resume();
    expect(statuses(await client.ended())).toEqual([200]);
    await until("nobody waits for more", () => {
      rig.clock.advance(1_000);
      return rig.listener.counts().connections === 0;
    });
  });

  test("who never stops sending behind a reply is let go all the same", async () => {
    await using rig = listen({ handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("POST /up HTTP/1.1^Host: a^Content-Length: 100000000^^");
    await client.ended();
    let seconds = 0;
    await until("it is let go", () => {
      if (client.trySend(new Uint8Array(1_000)) > 0) seconds++;
      rig.clock.advance(1_000);
      return rig.listener.counts().connections === 0;
    });
    expect(seconds).toBeLessThan(60);
  });
});
