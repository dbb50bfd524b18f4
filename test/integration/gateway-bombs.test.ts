/**
 * What is small on the wire and large behind it, before a real gateway: packed messages and bodies, lengths and depths that are announced, frames of
 * WebSockets that break the rules. Each is refused before it costs memory, and none reaches an upstream.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { curl, RawSocket, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream, WebUpstream } from "../support/gateway-upstreams.ts";
import { ECHO_PROTO, type GrpcPeer, openGrpcPeer } from "../support/grpc-peer.ts";
import { Workspace } from "../support/workspace.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** What memory may grow by under any of these: far below what they unpack to. */
const GROWTH_BYTES_MAX = 128 * MIB;
const BOMB_BYTES = 256 * MIB;

let folder: Workspace;
let web: WebUpstream;
let recorder: RecordingUpstream;
let grpc: GrpcPeer;
let gateway: TestGateway;
/** Some 256 KiB. */
let bomb: Buffer;

beforeAll(async () => {
  folder = new Workspace();
  web = new WebUpstream();
  recorder = new RecordingUpstream();
  grpc = await openGrpcPeer(folder.write("echo.proto", ECHO_PROTO));
  bomb = gzipSync(Buffer.alloc(BOMB_BYTES, " "));
  gateway = await TestGateway.start(folder, [
    "set|max_inflated_bytes=1MiB",
    `route|web|/web/*|${web.url}|rewrite=/{rest}`,
    `route|socket|/socket|ws://${web.authority}|rewrite=/ws,max_message=64KiB`,
    `route|echo|/echo.v1.Echo/*|grpc://127.0.0.1:${grpc.port}|proto=echo.proto,max_message=1MiB`,
    `route|json|/json/*|${recorder.url}|rewrite=/{rest},convert=grpc-json,proto=echo.proto,max_message=1MiB`,
    `route|masked|/masked/*|${recorder.url}|rewrite=/{rest}`,
    `route|capped|/capped/*|${web.url}|rewrite=/{rest},max_body=64KiB`,
    "mask|request;response|card|mask|routes=masked",
  ]);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await grpc?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  recorder?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

/** What memory has grown by at most while this went on; a good request is served behind it. */
async function growth(work: () => Promise<void>): Promise<number> {
  await gateway.resetPeak();
  const before = gateway.rssBytes();
  await work();
  const { code } = await curl("--fail", `${gateway.url}/web/good`);
  expect(code).toBe(0);
  return gateway.peakBytes() - before;
}

function post(path: string, file: string, ...fields: readonly string[]): ReturnType<typeof curl> {
  const more = fields.flatMap((field) => ["-H", field]);
  return curl("-D", "-", "--http2-prior-knowledge", ...more, "--data-binary", `@${file}`, `${gateway.url}${path}`);
}

function packedFrame(packed: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeUInt32BE(packed.length, 1);
  return Buffer.concat([head, packed]);
}

describe("WebSocket", () => {
  const ASK =
    "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const masked = (head: readonly number[], length: number): Uint8Array =>
    Uint8Array.from([...head, 0, 0, 0, 0, ...new Array(length).fill(97)]);

  test.each([
    ["an unmasked frame", Uint8Array.from([0x81, 1, 97]), 1002],
    ["a reserved bit", masked([0xc1, 0x81], 1), 1002],
    ["a reserved opcode", masked([0x83, 0x81], 1), 1002],
    ["a continuation of nothing", masked([0x80, 0x81], 1), 1002],
    ["a fragmented ping", masked([0x09, 0x81], 1), 1002],
    ["a long ping", masked([0x89, 0xfe, 0, 126], 126), 1002],
    ["a length that could be shorter", masked([0x81, 0xfe, 0, 1], 1), 1002],
    ["text that is no UTF-8", Uint8Array.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
    ["a message that is too large", Uint8Array.from([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0]), 1009],
  ] as const)("%s closes it", async (_, bytes, code) => {
    using client = await RawSocket.open(gateway.port);
    client.write(ASK);
    await client.says("\r\n\r\n");
    const from = client.bytes.length;
    client.write(bytes);
    await client.closed();
    const close = client.bytes.subarray(from);
    expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, code]);
  });

  test("fragments without end are cut at the largest message", async () => {
    const grown = await growth(async () => {
      using client = await RawSocket.open(gateway.port);
      client.write(ASK);
      await client.says("\r\n\r\n");
      const piece = masked([0x00, 0xfe, 0x40, 0], 0x4000);
      client.write(masked([0x01, 0x81], 1));
      for (let round = 0; round < 100 && !client.isClosed; round++) client.write(piece);
      await client.closed();
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
  });
});

describe("bodies", () => {
  test("one that is larger than the route allows is refused, with a length and without", async () => {
    const { received } = web;
    const file = folder.write("large", Buffer.alloc(MIB));
    for (const more of [[], ["-H", "Transfer-Encoding: chunked"]]) {
      const words = ["-o", "/dev/null", "-w", "%{http_code}", "--data-binary", `@${file}`];
      const { out } = await curl(...more, ...words, `${gateway.url}/capped/upload`);
      expect(out).toBe("413");
    }
    expect(web.received).toBe(received);
  });

  test("a packed message of gRPC for a JSON upstream is refused when it would become too large", async () => {
    recorder.forget();
    const file = folder.write("bomb", packedFrame(bomb));
    const fields = ["content-type: application/grpc", "te: trailers", "grpc-encoding: gzip"];
    const grown = await growth(async () => {
      for (let times = 0; times < 5; times++) {
        const { out } = await post("/json/echo.v1.Echo/Say", file, ...fields);
        expect(out).toMatch(/grpc-status: 8\b/);
      }
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
    expect(recorder.requests).toEqual([]);
  });

  test("a message that only announces its size takes no memory", async () => {
    const head = folder.write("head", Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]));
    const grown = await growth(async () => {
      for (const [path, type] of [
        ["/json/echo.v1.Echo/Say", "application/grpc"],
        ["/echo.v1.Echo/Say", "application/grpc-web+proto"],
      ] as const) {
        const { out } = await post(path, head, `content-type: ${type}`, "te: trailers");
        expect(out).not.toMatch(/grpc-status: 0\b/);
      }
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("a packed reply of gRPC is unpacked for a JSON client, and refused when it would become too large", async () => {
    const ask = (count: number) => {
      const file = folder.write("ask", JSON.stringify({ text: "0123456789abcdef", count }));
      return post("/echo.v1.Echo/Repeat", file, "content-type: application/json");
    };
    const fits = await ask(32 * KIB);
    expect(fits.out).toMatch(/^HTTP\/2 200/);
    expect(JSON.parse(fits.out.slice(fits.out.indexOf("{"))).text).toHaveLength(512 * KIB);
    const grown = await growth(async () => {
      const { out } = await ask(4 * MIB);
      expect(out).toMatch(/^HTTP\/2 (429|500|502)/);
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test.each([
    ["a packed bomb", () => bomb, ["content-encoding: gzip"]],
    ["a bomb in a bomb", () => gzipSync(bomb), ["content-encoding: gzip, gzip"]],
    ["half of something packed", () => bomb.subarray(0, 5_000), ["content-encoding: gzip"]],
    ["a packing that is none", () => Buffer.from("{}"), ["content-encoding: x-none"]],
    ["JSON that is 100,000 deep", () => Buffer.from("[".repeat(100_000)), []],
    ["JSON that is 100,000 deep and ends", () => Buffer.from("[".repeat(100_000) + "]".repeat(100_000)), []],
    ["JSON that is none", () => Buffer.from('{"a":'), []],
  ] as const)("%s is refused where masks look into it, and nothing reaches the upstream", async (_, bytes, fields) => {
    recorder.forget();
    const file = folder.write("masked", bytes());
    const grown = await growth(async () => {
      const { out } = await post("/masked/a", file, "content-type: application/json", ...fields);
      expect(out).toMatch(/^HTTP\/2 (400|413|415)/);
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
    expect(recorder.requests).toEqual([]);
  });

  test("a packed bomb in a reply is not passed on where masks look into it", async () => {
    const packed = bomb.toString("latin1");
    recorder.reply = () =>
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n${packed}`;
    const grown = await growth(async () => {
      const { out } = await curl("-o", "/dev/null", "-w", "%{http_code}", `${gateway.url}/masked/b`);
      expect(out).toBe("502");
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
    expect(gateway.node.stderr).not.toMatch(/defect|assert/i);
  });
});
