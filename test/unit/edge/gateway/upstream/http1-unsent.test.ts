/** When a request that got no reply may be said not to have been sent: not one byte of it was taken by the system. */
import { describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { seededRandom } from "../../../../../src/base/random.ts";
import { Asked } from "../../../../../src/edge/gateway/upstream/asked.ts";
import type { ConnectionOwner } from "../../../../../src/edge/gateway/upstream/connection.ts";
import { Http1Connection } from "../../../../../src/edge/gateway/upstream/http1-connection.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { defaultUpstreamLimits } from "../../../../../src/edge/gateway/upstream/limits.ts";
import { BunSocket } from "../../../../../src/edge/gateway/upstream/socket.ts";
import { BytesSource, HeadWriter } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { ask, Heard, openServer, request } from "./rig.ts";

const OWNER: ConnectionOwner = { note: () => {}, onRoom: () => {}, onClosed: () => {}, again: () => false };

/** A connection over a system that takes only so many bytes. */
class Narrow {
  readonly socket = new BunSocket({ opened: () => {}, failed: () => {} }, false);
  readonly connection: Http1Connection;
  room = 0;

  constructor() {
    const write = (bytes: Uint8Array): number => {
      const taken = Math.min(this.room, bytes.byteLength);
      this.room -= taken;
      return taken;
    };
    const raw = { write, pause: () => {}, resume: () => {}, end: () => {}, terminate: () => {} };
    this.socket.connected(raw as unknown as Socket<BunSocket>); // only what is called
    const limits = defaultUpstreamLimits;
    const parts = { clock: new SteppedClock(), limits, writer: new HeadWriter(), random: seededRandom(1) };
    this.connection = new Http1Connection(this.socket, OWNER, parts);
  }

  post(size: number): Heard {
    const heard = new Heard();
    const body = size === 0 ? undefined : new BytesSource(Buffer.alloc(size, "x"));
    this.connection.ask(new Asked(request(1, { method: "POST", body }), heard, 0));
    return heard;
  }
}

describe("ask() when the connection closes before any reply", () => {
  test.each([
    [0, 0, true],
    [0, 40_960, true],
    [1, 0, false],
    [1, 40_960, false],
    [16_384, 40_960, false],
    [1_000_000, 40_960, false],
  ])("ask() of which %p bytes were taken, with a body of %p: unsent is %p", (taken, size, isUnsent) => {
    const narrow = new Narrow();
    narrow.room = taken;
    const heard = narrow.post(size);
    narrow.socket.closed(undefined);
    expect(heard.failure?.code).toBe("gateway.upstream_closed");
    expect(heard.isUnsent).toBe(isUnsent);
  });

  test("ask() counts what was taken later, and not what was taken of the request before", () => {
    const narrow = new Narrow();
    const late = narrow.post(100);
    narrow.room = 1;
    narrow.socket.drained();
    narrow.socket.closed(undefined);
    expect(late.isUnsent).toBe(false);

    const used = new Narrow();
    used.room = 1_000;
    used.post(0);
    used.connection.onBytes(Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    used.room = 0;
    const second = used.post(0);
    used.socket.closed(undefined);
    expect(second.isUnsent).toBe(true);
  });

  test("ask() is not unsent when the upstream has read its head, however much of its body waits", async () => {
    using server = openServer({ data: (peer) => peer.reset() });
    const body = new BytesSource(Buffer.alloc(32 * 1_024 * 1_024, "x"));
    const heard = await ask(new UpstreamPools({ clock: new SteppedClock() }), server.port, {
      method: "POST",
      body,
    }).done();
    expect(server.peers[0]!.text.startsWith("POST / HTTP/1.1\r\n")).toBe(true);
    expect(heard.isUnsent).toBe(false);
  });
});
