/** Traces through a real gateway: from a client's context over each try at a target to what is behind it, and whose flag counts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freePort } from "../support/free-port.ts";
import { TestGateway } from "../support/gateway.ts";
import { RecordingUpstream } from "../support/gateway-upstreams.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { plugin } from "../support/plugins.ts";
import { ServiceCluster } from "../support/services.ts";
import { TraceCollector, textOf, treeOf } from "../support/trace-collector.ts";
import { Workspace } from "../support/workspace.ts";

const SPAN = "00f067aa0ba902b7";
/** OTLP's numbers of kinds. */
const [SERVER, CLIENT] = [2, 3];

let count = 0;
/** A trace of its own for each test. */
function newTraceId(): string {
  return `4bf92f3577b34da6a3ce929d0e0e${(++count).toString(16).padStart(4, "0")}`;
}

async function get(url: string, traceparent?: string): Promise<Response> {
  return fetch(url, { headers: traceparent === undefined ? {} : { traceparent } });
}

describe("a gateway before HTTP upstreams", () => {
  let folder: Workspace;
  let collector: TraceCollector;
  let good: RecordingUpstream;
  let bad: RecordingUpstream;
  /** Cannot at first. */
  let shy: RecordingUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    folder = new Workspace();
    collector = new TraceCollector();
    good = new RecordingUpstream();
    bad = new RecordingUpstream();
    bad.reply = () => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    shy = new RecordingUpstream();
    shy.reply = () => (shy.requests.length === 1 ? bad.reply(shy.requests[0]!) : good.reply(shy.requests[0]!));
    gateway = await TestGateway.start(
      folder,
      [
        `route|web|/web/*|${good.url}|rewrite=/{rest}`,
        `route|failing|/failing/*|${bad.url}|retries=0`,
        `route|again|/again/*|${shy.url}|retries=1,retry_on=503`,
        "route|own|/own|none|reply=200 here",
        "route|hiding|/hiding/*|http://127.0.0.1:1|retries=0",
        "mask|log|card|mask|routes=hiding",
      ],
      { env: collector.env },
    );
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    good?.[Symbol.dispose]();
    bad?.[Symbol.dispose]();
    shy?.[Symbol.dispose]();
    await collector?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  /** What the last request to an upstream carried. */
  const carried = ({ requests }: RecordingUpstream): string | undefined =>
    requests
      .at(-1)
      ?.fields.find((field) => field.startsWith("traceparent:"))
      ?.slice("traceparent: ".length);

  test("a request is a server's span below the client's, its try one of a client below that, and the upstream is told of the try", async () => {
    const traceId = newTraceId();
    expect((await get(`${gateway.url}/web/a?secret=1`, `00-${traceId}-${SPAN}-01`)).status).toBe(200);
    const spans = await collector.untilTrace(traceId, 2);
    expect(treeOf(spans, SPAN)).toEqual(["gateway GET /web/*", `  gateway GET ${good.url}`]);
    const [outer, tried] = [spans.find(({ kind }) => kind === SERVER)!, spans.find(({ kind }) => kind === CLIENT)!];
    expect(carried(good)).toBe(`00-${traceId}-${tried.spanId}-01`);
    expect(textOf(outer.attributes, "http.response.status_code")).toBe("200");
    expect(textOf(outer.attributes, "http.route")).toBe("/web/*");
    expect(textOf(outer.attributes, "distributed_system.route")).toBe("web");
    expect(textOf(tried.attributes, "http.response.status_code")).toBe("200");
    expect(textOf(tried.attributes, "server.port")).toBe(String(good.port));
    expect(textOf(tried.attributes, "http.request.resend_count")).toBeUndefined();
    expect(spans.some(({ status }) => status !== undefined)).toBe(false);
    expect(JSON.stringify(spans)).not.toContain("secret");
  });

  test("a span shows of a path what the access log shows: neither credentials nor what masks hide", async () => {
    const traceId = newTraceId();
    const token = `eyJhbGciOiJIUzI1NiJ9.${btoa(JSON.stringify({ sub: "ada" })).replaceAll("=", "")}.c2lnbmF0dXJl`;
    await get(`${gateway.url}/hiding/4111111111111111/${token}`, `00-${traceId}-${SPAN}-01`);
    const outer = (await collector.untilTrace(traceId, 2)).find(({ kind }) => kind === SERVER)!;
    expect(textOf(outer.attributes, "url.path")).toMatch(/^\/hiding\/\*{12}1111\/\[redacted\]$/);
    expect(textOf(outer.attributes, "http.response.status_code")).toBe("502");
  });

  test("each try is a span of its own, and says how many were before it and what came of it", async () => {
    const traceId = newTraceId();
    expect((await get(`${gateway.url}/again/a`, `00-${traceId}-${SPAN}-01`)).status).toBe(200);
    const spans = await collector.untilTrace(traceId, 3);
    const tries = spans.filter(({ kind }) => kind === CLIENT);
    const told = tries.map(({ attributes, status }) => [
      ...["http.response.status_code", "http.request.resend_count"].map((key) => textOf(attributes, key)),
      status?.message,
    ]);
    expect(told.toSorted()).toEqual([
      ["200", "1", undefined],
      ["503", undefined, "status 503"],
    ]);
    const outer = spans.find(({ kind }) => kind === SERVER)!;
    expect(tries.map(({ parentSpanId }) => parentSpanId)).toEqual([outer.spanId, outer.spanId]);
    expect(textOf(outer.attributes, "distributed_system.attempts")).toBe("2");
    expect(carried(shy)).toBe(`00-${traceId}-${tries.find(({ status }) => !status)!.spanId}-01`);
  });

  test("a reply of 5xx is a failure of the request's span and of its try's", async () => {
    const traceId = newTraceId();
    expect((await get(`${gateway.url}/failing/a`, `00-${traceId}-${SPAN}-01`)).status).toBe(503);
    const spans = await collector.untilTrace(traceId, 2);
    expect(spans.map(({ status }) => status?.code)).toEqual([2, 2]);
  });

  test("what the gateway answers by itself is one span", async () => {
    const traceId = newTraceId();
    await get(`${gateway.url}/own`, `00-${traceId}-${SPAN}-01`);
    expect(treeOf(await collector.untilTrace(traceId, 1), SPAN)).toEqual(["gateway GET /own"]);
  });

  test("a client's flag not to record is respected and passed on, and one that says nothing gets a trace", async () => {
    const traceId = newTraceId();
    const unsampled = `00-${traceId}-${SPAN}-00`;
    await get(`${gateway.url}/web/a`, unsampled);
    expect(carried(good)).toBe(unsampled);
    await get(`${gateway.url}/web/b`);
    const [, own = ""] = carried(good)?.split("-") ?? [];
    expect((await collector.untilTrace(own, 2)).length).toBe(2);
    await get(`${gateway.url}/web/c`, "00-zz-nonsense-01");
    const [, fresh = ""] = carried(good)?.split("-") ?? [];
    expect((await collector.untilTrace(fresh, 2)).length).toBe(2);
    expect(collector.of(traceId)).toEqual([]); // the exporter keeps the order: it would have come before
  });
});

const USERS = `
  import { defineService, method } from "distributed-system/service";
  export default defineService({
    name: "users", version: "1.0.0",
    methods: { name: method({ public: true, access: "read", handler: (_, { traceparent }) => ({ name: "Ada", traceparent }) }) },
  });`;

test("a request over the gateway to a service on another node is one trace", async () => {
  await using collector = new TraceCollector();
  const { env } = collector;
  await using cluster = await ServiceCluster.start({ "users/users.ts": USERS }, { n1: { env, services: ["users"] } });
  const file = cluster.space.write("gateway.txt", "route|name|GET /users/{id}/name|service://users.name\n");
  const command = ["gateway", "127.0.0.1", "0"];
  const gateway = await cluster.add("gateway", { env, command, args: ["--config", file] });
  const { address } = await gateway.hears("gateway");
  await cluster.untilServed("gateway", "users", "n1");
  const traceId = newTraceId();
  const answer = await get(`http://${address}/users/7/name`, `00-${traceId}-${SPAN}-01`);
  const body = (await answer.json()) as { readonly traceparent: string };
  expect([answer.status, body]).toMatchObject([200, { traceparent: expect.stringContaining(traceId) }]);
  expect(treeOf(await collector.untilTrace(traceId, 4), SPAN)).toEqual([
    "gateway GET /users/{id}/name",
    "  gateway GET service://users.name",
    "    gateway users.name",
    "      n1 users.name",
  ]);
});

test("a request with records is one trace: over the gateway and the master to what a worker does with them", async () => {
  await using collector = new TraceCollector();
  const { env } = collector;
  await using cluster = await PipelineCluster.start([], { env });
  await cluster.worker("w1", { env });
  await cluster.untilWorkers("w1");
  const { space } = cluster;
  space.write("gateway.txt", "route|orders|POST /orders|pipeline://orders\n");
  space.write("pass.ts", plugin({}));
  const lines = [
    "set|checkpoint_interval=50ms",
    `in|source:http|listen=127.0.0.1:${freePort()},path=/own,linger=1ms`,
    "pass|pass.ts|",
    "out|sink:ndjson|path=out.ndjson",
  ];
  space.write("orders.txt", `${lines.join("\n")}\n`);
  await cluster.tell("submit", space.at("orders.txt"));
  await cluster.untilState("orders", "running");
  const command = ["gateway", "127.0.0.1", "0"];
  const args = ["--config", "gateway.txt", "--join", cluster.address];
  const gateway = cluster.add("gateway", { dataDir: space.at("state"), env, command, args });
  const { address } = await gateway.hears("gateway");
  const traceId = newTraceId();
  const traceparent = `00-${traceId}-${SPAN}-01`;
  const headers = { traceparent, "content-type": "application/x-ndjson" };
  const reply = await fetch(`http://${address}/orders`, { method: "POST", body: '{"id":1}\n', headers });
  expect(reply.status).toBe(202);
  expect(treeOf(await collector.untilTrace(traceId, 10), SPAN)).toEqual([
    "gateway POST /orders",
    "  gateway POST pipeline://orders",
    "    master post orders",
    "      master batch orders",
    "        master lease",
    "          w1 work orders",
    "            w1 stage pass",
    "              w1 plugin pass",
    "        master sink",
    "        master source",
  ]);
});
