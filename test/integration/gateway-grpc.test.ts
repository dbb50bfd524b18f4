/** gRPC through a real gateway: grpc-js at both ends, gRPC-web by hand, JSON by curl; what the client does, the server sees. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { WebSocket as WsClient } from "ws";
import { curl, TestGateway } from "../support/gateway.ts";
import { ECHO_PROTO, type EchoClient, type GrpcPeer, openGrpcPeer, type Words } from "../support/grpc-peer.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

let folder: Workspace;
let peer: GrpcPeer;
let gateway: TestGateway;
let client: EchoClient;

beforeAll(async () => {
  folder = new Workspace();
  const proto = folder.write("echo.proto", ECHO_PROTO);
  peer = await openGrpcPeer(proto);
  gateway = await TestGateway.start(folder, [
    `route|echo|/echo.v1.Echo/*|grpc://127.0.0.1:${peer.port}|proto=echo.proto,max_message=64KiB`,
    `route|short|/short/*|grpc://127.0.0.1:${peer.port}|proto=echo.proto,timeout=300ms`,
    "route|down|/down/*|grpc://127.0.0.1:1|proto=echo.proto",
  ]);
  client = peer.client(gateway.address);
});

afterAll(async () => {
  client?.close();
  await gateway?.[Symbol.asyncDispose]();
  await peer?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

function json(path: string, body: string, ...more: string[]): ReturnType<typeof curl> {
  return curl(
    "-w",
    "\n%{http_code}",
    ...more,
    "-H",
    "content-type: application/json",
    "--data-binary",
    body,
    `${gateway.url}${path}`,
  );
}

function failureOf(call: (answer: (error: ServiceError | null) => void) => void): Promise<ServiceError> {
  return new Promise((resolve, reject) =>
    call((error) => (error ? resolve(error) : reject(new Error("it succeeded")))),
  );
}

/** What becomes of a call that runs out of time at the server: on a busy machine some do before they are there. */
async function lateAtServer(call: Parameters<typeof failureOf>[0]): Promise<ServiceError> {
  const { calls } = peer.counts;
  return until("a call reaches the server in its time", async () => {
    const failure = await failureOf(call);
    return peer.counts.calls > calls && failure;
  });
}

function untilCancelled(): Promise<unknown> {
  return until("the server sees that nobody waits", () => peer.counts.hanging === 0);
}

function collect(stream: NodeJS.ReadableStream): Promise<Words[]> {
  const all: Words[] = [];
  return new Promise((resolve, reject) =>
    stream
      .on("data", (words) => all.push(words as unknown as Words))
      .on("end", () => resolve(all))
      .on("error", reject),
  );
}

describe("a gRPC client", () => {
  test("gets replies, metadata and trailers of a unary call, and its deadline is the server's", async () => {
    const metadata = new Metadata();
    metadata.set("x-own", "first");
    metadata.set("x-own-bin", Buffer.from([1, 2, 0]));
    const seen = { first: new Metadata(), last: new Metadata() };
    const words = await new Promise<Words>((resolve, reject) => {
      const call = client.Say(
        { text: "hä", count: 1 },
        metadata,
        { deadline: Date.now() + 5_000 },
        (error: unknown, answer: Words) => (error ? reject(error) : resolve(answer)),
      );
      call.on("metadata", (found: Metadata) => (seen.first = found));
      call.on("status", (found: { metadata: Metadata }) => (seen.last = found.metadata));
    });
    expect(words).toEqual({ text: "hä", count: 2 });
    expect(seen.first.get("x-own")).toEqual(["first"]);
    expect(seen.first.get("x-own-bin")).toEqual([Buffer.from([1, 2, 0])]);
    await until("the trailers are there", () => seen.last.get("x-tail").length > 0);
    expect(seen.last.get("x-tail-bin")).toEqual([Buffer.from([0, 255])]);
    expect(peer.lastDeadlineMs).toBeGreaterThan(1_000);
    expect(peer.lastDeadlineMs).toBeLessThanOrEqual(5_000);
  });

  test("streams down, up and both ways", async () => {
    const down = await collect(client.Down({ text: "x".repeat(1_000), count: 500 }));
    expect([down.length, down.at(-1)?.count]).toEqual([500, 500]);
    const sum = await new Promise<Words>((resolve, reject) => {
      const up = client.Up((error: unknown, answer: Words) => (error ? reject(error) : resolve(answer)));
      for (const text of ["a", "b", "c"]) up.write({ text });
      up.end();
    });
    expect(sum).toEqual({ text: "abc", count: 3 });
    const both = client.Both();
    const heard: Words[] = [];
    both.on("data", (words: Words) => heard.push(words));
    for (const count of [1, 2]) {
      both.write({ text: "ping", count });
      await until("the answer comes while the stream is open", () => heard.length === count);
    }
    const ended = new Promise((resolve) => both.on("end", resolve));
    both.end();
    await ended;
    expect(heard).toEqual([1, 2].map((count) => ({ text: "PING", count })));
  });

  test("gets the server's status and message, UNAVAILABLE when it is down and UNIMPLEMENTED when it has no such method", async () => {
    const failed = await failureOf((answer) => client.Fail({ text: "" }, answer));
    expect([failed.code, failed.details]).toEqual([status.NOT_FOUND, "no such words: ü"]);
    const raw = (path: string) =>
      failureOf((answer) =>
        client.makeUnaryRequest(
          path,
          () => Buffer.alloc(0),
          () => null,
          {},
          answer as never,
        ),
      );
    expect((await raw("/down/echo.v1.Echo/Say")).code).toBe(status.UNAVAILABLE);
    expect((await raw("/echo.v1.Echo/None")).code).toBe(status.UNIMPLEMENTED);
    expect((await raw("/elsewhere.Echo/None")).code).toBe(status.UNIMPLEMENTED);
  });

  test("is seen to cancel, and to run into its deadline or the route's", async () => {
    const { calls } = peer.counts;
    const hang = client.Hang({ text: "" }, () => {});
    await until("the call is there", () => peer.counts.calls > calls);
    hang.cancel();
    await untilCancelled();
    const late = await lateAtServer((answer) => client.Hang({ text: "" }, { deadline: Date.now() + 300 }, answer));
    expect(late.code).toBe(status.DEADLINE_EXCEEDED);
    await untilCancelled();
    const short = await lateAtServer((answer) =>
      client.makeUnaryRequest(
        "/short/echo.v1.Echo/Hang",
        () => Buffer.alloc(0),
        () => null,
        {},
        answer as never,
      ),
    );
    expect([status.DEADLINE_EXCEEDED, status.UNAVAILABLE]).toContain(short.code);
    await untilCancelled();
  });
});

describe("JSON by curl", () => {
  test("is the message, and the reply is the message as JSON", async () => {
    const { out } = await json("/echo.v1.Echo/Say", '{"text":"hä","count":41}');
    expect(out).toBe('{"text":"hä","count":42}\n200');
  });

  test("errors never come as 200: wrong JSON, unknown fields, what is too large, statuses", async () => {
    const { calls } = peer.counts;
    for (const [body, code] of [
      ['{"text":1}', 400],
      ['{"text":"a","other":1}', 400],
      ['{"text":"a"', 400],
      [`{"text":"${"x".repeat(70_000)}"}`, 413],
    ] as const) {
      const { out } = await json("/echo.v1.Echo/Say", body);
      expect([body.slice(0, 30), out.split("\n").at(-1)]).toEqual([body.slice(0, 30), String(code)]);
    }
    expect(peer.counts.calls).toBe(calls);
    expect((await json("/echo.v1.Echo/Fail", "{}")).out).toEndWith("\n404");
    expect((await json("/echo.v1.Echo/None", "{}")).out).toEndWith("\n404");
    expect((await json("/down/echo.v1.Echo/Say", "{}")).out).toEndWith("\n503");
  });

  test("server streams are NDJSON or events, and say their status at the end", async () => {
    const lines = await json("/echo.v1.Echo/Down", '{"text":"a","count":2}');
    expect(
      lines.out
        .split("\n")
        .slice(0, 2)
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { text: "a", count: 1 },
      { text: "a", count: 2 },
    ]);
    const events = await json("/echo.v1.Echo/Down", '{"text":"a","count":2}', "-H", "accept: text/event-stream");
    expect(events.out.match(/^data: .*"count":[12]/gm)?.length).toBe(2);
    expect(events.out).toEndWith("}\n\nevent: end\ndata: {}\n\n\n200");
  });

  test("a client that goes cancels the call", async () => {
    const child = Bun.spawn([
      "curl",
      "-sS",
      "--data-binary",
      "{}",
      "-H",
      "content-type: application/json",
      `${gateway.url}/echo.v1.Echo/Hang`,
    ]);
    await until("the call is there", () => peer.counts.hanging > 0);
    child.kill();
    await untilCancelled();
  });
});

describe("other clients", () => {
  test("gRPC-web by hand gets the message and the trailers in a frame", async () => {
    const message = Buffer.from([0x0a, 1, 0x61, 0x10, 4]); // text: "a", count: 4
    const head = Buffer.from([0, 0, 0, 0, message.length]);
    const file = folder.write("frame", Buffer.concat([head, message]));
    const out = folder.at("web-out");
    const { out: told } = await curl(
      "-o",
      out,
      "-w",
      "%{http_code} %{content_type}",
      "-H",
      "content-type: application/grpc-web+proto",
      "--data-binary",
      `@${file}`,
      `${gateway.url}/echo.v1.Echo/Say`,
    );
    expect(told).toBe("200 application/grpc-web+proto");
    const bytes = Buffer.from(await Bun.file(out).bytes());
    expect(bytes.subarray(0, 10)).toEqual(Buffer.from([0, 0, 0, 0, 5, 0x0a, 1, 0x61, 0x10, 5]));
    expect(bytes[10]).toBe(0x80);
    expect(bytes.subarray(15).toString()).toContain("grpc-status: 0\r\n");
    const text = Buffer.concat([head, message]).toString("base64");
    const { out: coded } = await curl(
      "-H",
      "content-type: application/grpc-web-text",
      "--data-binary",
      text,
      `${gateway.url}/echo.v1.Echo/Say`,
    );
    expect(Buffer.from(coded.slice(0, 16), "base64").subarray(0, 10)).toEqual(bytes.subarray(0, 10));
  });

  test("a WebSocket is a bidi stream", async () => {
    const ws = new WsClient(`ws://${gateway.address}/echo.v1.Echo/Both`);
    const heard: unknown[] = [];
    ws.on("message", (data: Buffer) => heard.push(JSON.parse(data.toString())));
    await new Promise((resolve, reject) => ws.on("open", resolve).on("error", reject));
    ws.send('{"text":"a","count":1}');
    await until("the answer", () => heard.length > 0);
    expect(JSON.stringify(heard[0])).toContain('"text":"A"');
    ws.close(1000);
  });
});

describe("afterwards", () => {
  test("no request is under way, and nothing in the gateway was at fault", async () => {
    await until("every request has ended", async () => {
      const { inFlight } = await gateway.ask<{ inFlight: number }>("status");
      return inFlight === 0;
    });
    expect(gateway.node.stderr).not.toMatch(/defect|assert/i);
  });
});
