/** HTTP clients before a WebSocket upstream that refuses, or is silent: they hear why. */
import { describe, expect, test } from "bun:test";
import type { Failure } from "../../../../../src/base/errors.ts";
import { Rig, TestUpstream } from "./fakes.ts";
import { UpstreamSocket } from "./socket-fakes.ts";

describe("convertHttpToSocket()", () => {
  test.each([
    [401, 401, "UNAUTHENTICATED"],
    [403, 403, "PERMISSION_DENIED"],
    [404, 404, "NOT_FOUND"],
    [429, 429, "RESOURCE_EXHAUSTED"],
    [400, 503, "UNAVAILABLE"],
    [500, 503, "UNAVAILABLE"],
  ])("tells a client what the upstream says of it when the handshake is answered with %d", (status, told, name) => {
    const rig = new Rig({ scheme: "ws" });
    const call = rig.post("/socket", "{}");
    const events = rig.send("GET", "/socket", ["accept", "text/event-stream"]);
    for (const each of rig.upstream.calls) each.answer(["www-authenticate", "Bearer", "x-own", "1"], status);
    for (const exchange of [call, events]) {
      expect([exchange.status, exchange.header("www-authenticate"), exchange.header("x-own")]).toEqual([
        told,
        "Bearer",
        undefined,
      ]);
      expect(exchange.json).toMatchObject({ error: { status: name } });
    }
  });

  test("says that it took too long, and not that the socket was closed, when no answer comes in time", () => {
    const upstream = new TestUpstream();
    let socket: UpstreamSocket | undefined;
    const rig = new Rig({
      scheme: "ws",
      ask: (request, events) => {
        upstream.ask(request, events);
        return { cancel: (cause: Failure) => socket!.source.sink!.abort(cause) }; // as a tunnel does
      },
    });
    const exchange = rig.post("/socket", "{}", ["x-request-timeout", "5s"]);
    socket = new UpstreamSocket(upstream.call);
    rig.clock.advance(5_000);
    expect([exchange.status, rig.clock.timers]).toEqual([504, 0]);
  });
});
