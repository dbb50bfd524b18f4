import { describe, expect, test } from "bun:test";
import { tracedNamed, tracedUpstreams } from "../../../../src/app/gateway/traced-targets.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { NO_TRACER, readTraceparent } from "../../../../src/base/trace.ts";
import { createTracer, type FinishedSpan } from "../../../../src/base/tracer.ts";
import type { UpstreamEvents, UpstreamRequest, Upstreams } from "../../../../src/edge/gateway/words/index.ts";
import { headerOf, NO_BODY, type RequestHead } from "../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

function rig() {
  const spans: FinishedSpan[] = [];
  const clock = new SteppedClock();
  let seed = 0;
  const entropy = (bytes: number) => new Uint8Array(bytes).fill(++seed);
  const tracer = createTracer({ clock, entropy, ratio: 1, sink: (span) => void spans.push(span) });
  const asked: { readonly request: UpstreamRequest; readonly events: UpstreamEvents }[] = [];
  const cancelled: string[] = [];
  const upstreams: Upstreams = {
    ask(request, events) {
      asked.push({ request, events });
      return { cancel: ({ code }) => void cancelled.push(code) };
    },
  };
  return { asked, cancelled, spans, tracer, traced: tracedUpstreams(upstreams, tracer), upstreams };
}

function request(traceparent: string | undefined, more: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const headers = ["accept", "*/*", ...(traceparent === undefined ? [] : ["traceparent", traceparent])];
  const head = { method: "GET", target: "/", authority: "a", scheme: "http", version: "1.1", headers } as RequestHead;
  return { head, origin: { scheme: "http", host: "10.0.0.1", port: 80 }, timeouts: { connectMs: 1 }, ...more };
}

function heard() {
  const told: string[] = [];
  const events: UpstreamEvents = {
    onInform: ({ status }) => void told.push(`inform ${status}`),
    onReply: ({ status }) => void told.push(`reply ${status}`),
    onUpgrade: ({ status }) => void told.push(`upgrade ${status}`),
    onFailure: ({ code }, isUnsent) => void told.push(`failure ${code} ${isUnsent}`),
    onOver: (cause) => void told.push(`over ${cause?.code}`),
  };
  return { events, told };
}

describe("tracedUpstreams()", () => {
  test("tracedUpstreams() makes a client's span of a try, below its request, and sends the try's context on", () => {
    const { asked, spans, traced } = rig();
    const { events, told } = heard();
    traced.ask(request(PARENT, { resends: 2 }), events);
    const inner = asked[0]!;
    const sent = readTraceparent(headerOf(inner.request.head.headers, "traceparent"))!;
    expect(sent).toMatchObject({ traceId: readTraceparent(PARENT)!.traceId, isSampled: true });
    expect(inner.request.head.headers.filter((each) => each === "traceparent").length).toBe(1);
    inner.events.onInform?.({ status: 103, headers: [] });
    inner.events.onReply({ status: 200, headers: [] }, NO_BODY);
    expect(spans).toEqual([]);
    inner.events.onOver?.(undefined);
    expect(told).toEqual(["inform 103", "reply 200", "over undefined"]);
    expect(spans).toMatchObject([
      {
        ...{ name: "GET http://10.0.0.1:80", kind: "client", parentSpanId: readTraceparent(PARENT)!.spanId },
        ...{ spanId: sent.spanId, failure: undefined },
        attributes: {
          ...{ "http.request.method": "GET", "server.address": "10.0.0.1", "server.port": 80 },
          ...{ "http.request.resend_count": 2, "http.response.status_code": 200 },
        },
      },
    ]);
  });

  test.each([
    [
      "a failure",
      (events: UpstreamEvents) => events.onFailure(new Failure("gateway.connect_failed", "no"), true),
      "gateway.connect_failed",
    ],
    [
      "a reply that breaks off",
      (events: UpstreamEvents) => {
        events.onReply({ status: 200, headers: [] }, NO_BODY);
        events.onOver?.(new Failure("gateway.upstream_closed", "gone"));
      },
      "gateway.upstream_closed",
    ],
    [
      "a status of 404",
      (events: UpstreamEvents) => {
        events.onReply({ status: 404, headers: [] }, NO_BODY);
        events.onOver?.(undefined);
      },
      undefined,
    ],
  ] as const)("tracedUpstreams() ends a span as failed after %s", (_, happen, type) => {
    const { asked, spans, traced } = rig();
    traced.ask(request(PARENT), heard().events);
    happen(asked[0]!.events);
    expect(spans.length).toBe(1);
    expect(spans[0]!.failure).toBeDefined();
    expect(spans[0]!.attributes["error.type"]).toBe(type!);
  });

  test("cancel() reaches the upstream, and ends the span with its reason", () => {
    const { asked, cancelled, spans, traced } = rig();
    traced.ask(request(PARENT), heard().events).cancel(new Failure("gateway.outrun", "another was faster"));
    expect([asked.length, cancelled]).toEqual([1, ["gateway.outrun"]]);
    expect(spans[0]!.attributes["error.type"]).toBe("gateway.outrun");
  });

  test("tracedUpstreams() leaves requests alone that nobody records, and all where nothing is recorded", () => {
    const { asked, spans, traced, upstreams } = rig();
    const { events } = heard();
    for (const parent of [undefined, PARENT.replace(/01$/, "00")]) {
      const plain = request(parent);
      traced.ask(plain, events);
      expect(asked.at(-1)!.request).toBe(plain);
      expect(asked.at(-1)!.events).toBe(events);
    }
    expect(spans).toEqual([]);
    expect(tracedUpstreams(upstreams, NO_TRACER)).toBe(upstreams);
  });

  test("tracedUpstreams() does not name spans by what clients send", () => {
    const { asked, spans, traced } = rig();
    traced.ask(request(PARENT, { isDynamic: true }), heard().events);
    asked[0]!.events.onFailure(new Failure("gateway.address_denied", "inside"), true);
    expect(spans[0]!.name).toBe("GET");
  });
});

describe("tracedNamed()", () => {
  test.each([
    [{ kind: "service", service: "users", method: "get" }, "service://users.get"],
    [{ kind: "pipeline", pipeline: "orders" }, "pipeline://orders"],
    [{ kind: "task", file: "t.txt" }, "task://t.txt"],
  ] as const)("tracedNamed() names the span by its target %o", (target, text) => {
    const { spans, tracer } = rig();
    const named = tracedNamed(
      {
        ask(_target, { head }, events) {
          expect(headerOf(head.headers, "traceparent")).not.toBe(PARENT);
          events.onReply({ status: 202, headers: [] }, NO_BODY);
          events.onOver?.(undefined);
          return { cancel() {} };
        },
      },
      tracer,
    );
    named.ask(target, request(PARENT), heard().events);
    expect(spans.map(({ name }) => name)).toEqual([`GET ${text}`]);
  });
});
