/**
 * Clients that take more than they give, before a real gateway: slow ones, floods of heads and frames, bombs, noise. They are cut off; the
 * process lives, its memory stays bounded, and good clients are served in the meantime.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { curl, RawSocket, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream, WebUpstream } from "../support/gateway-upstreams.ts";
import { ECHO_PROTO, type GrpcPeer, openGrpcPeer } from "../support/grpc-peer.ts";
import { isAlive } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";
import {
  block,
  type Field,
  frame,
  framesOf,
  GET,
  headers,
  POST,
  PREFACE,
  settings,
  TYPE,
  uint32,
} from "../unit/wire/http2/rig.ts";

const MIB = 1024 * 1024;
/** What memory may grow by under any of these: far below what they would need if they were let. */
const GROWTH_BYTES_MAX = 128 * MIB;

let folder: Workspace;
let web: WebUpstream;
let recorder: RecordingUpstream;
let grpc: GrpcPeer;
let gateway: TestGateway;

beforeAll(async () => {
  folder = new Workspace();
  web = new WebUpstream();
  recorder = new RecordingUpstream();
  grpc = await openGrpcPeer(folder.write("echo.proto", ECHO_PROTO));
  gateway = await TestGateway.start(folder, [
    "set|head_timeout=500ms,body_idle=600ms,min_rate=4096,keep_alive=1s,max_connections_per_address=3000",
    `route|web|/web/*|${web.url}|rewrite=/{rest}`,
    `route|rec|/rec/*|${recorder.url}|rewrite=/{rest}`,
    `route|socket|/socket|ws://${web.authority}|rewrite=/ws,max_message=64KiB`,
    `route|echo|/echo.v1.Echo/*|grpc://127.0.0.1:${grpc.port}|proto=echo.proto,max_message=64KiB`,
  ]);
  await good();
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await grpc?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  recorder?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

/** Other clients are served. */
async function good(): Promise<void> {
  const { code, err, out } = await curl("--fail", `${gateway.url}/web/good`);
  expect([code, err]).toEqual([0, ""]);
  expect(JSON.parse(out)).toMatchObject({ path: "/good" });
}

/** What memory has grown by at most while this went on. */
async function growth(work: () => Promise<void>): Promise<number> {
  await gateway.resetPeak();
  const before = gateway.rssBytes();
  await work();
  await good();
  expect(isAlive(gateway.pid)).toBe(true);
  return gateway.peakBytes() - before;
}

function open(count: number): Promise<RawSocket[]> {
  return Promise.all(Array.from({ length: count }, () => RawSocket.open(gateway.port)));
}

async function drip(clients: readonly RawSocket[], piece: string): Promise<void> {
  while (clients.some(({ isClosed }) => !isClosed)) {
    for (const client of clients) client.write(piece);
    await Bun.sleep(20);
  }
}

describe("slow clients", () => {
  test("are cut off in the middle of a head, a body and a reply, and good ones are served all the time", async () => {
    const loris = await open(100);
    for (const client of loris) client.write("GET /web/a HTTP/1.1\r\nHost: a\r\n");
    const posters = await open(50);
    const { cut, received } = web;
    for (const client of posters)
      client.write("POST /web/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    const readers = await open(20);
    for (const client of readers) {
      client.socket.pause();
      client.write("GET /web/download?bytes=50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    const served = (async () => {
      for (let times = 0; times < 20; times++) await good();
    })();
    await Promise.all([drip(loris, "X-A: b\r\n"), drip(posters, "x"), served]);
    for (const client of loris) expect(client.statuses).toEqual([408]);
    for (const client of posters) expect(client.statuses).toEqual([408]);
    expect(web.received).toBe(received);
    await until("the upstream sees that nobody takes what it sends", () => web.cut >= cut + readers.length);
    for (const client of readers) client.socket.destroy();
  });

  test("that say nothing at all are let go", async () => {
    const [silent, tail] = (await open(2)) as [RawSocket, RawSocket];
    tail.write("GET /web/a HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.all([silent.closed(), tail.closed()]);
    expect([silent.text, tail.statuses]).toEqual(["", [200]]);
  });
});

describe("slow clients of HTTP/2", () => {
  const upload: Field[] = [...POST.slice(0, 2), [":path", "/web/upload"], POST[3]!];
  const begun = Buffer.concat([PREFACE, settings()]);

  test.each([
    ["say half of the preface", PREFACE.subarray(0, 10), "\0"],
    ["say half of a frame", Buffer.concat([begun, headers(1, upload).subarray(0, 12)]), "\0"],
    ["never end a head", Buffer.concat([begun, frame(TYPE.headers, 0, 1, block(GET))]), ""],
    ["say nothing behind the preface", begun, ""],
  ])("are cut off when they %s", async (_, bytes) => {
    using client = await RawSocket.open(gateway.port);
    client.write(bytes);
    await client.closed();
    expect(client.bytes.length).toBeLessThan(1_000);
  });

  test("lose their stream when they send a body too slowly, and the upstream sees it", async () => {
    const { received } = web;
    using client = await RawSocket.open(gateway.port);
    client.write(Buffer.concat([begun, headers(1, upload, false)]));
    const isCut = (): boolean =>
      client.isClosed || framesOf(client.bytes).some(({ type }) => type === TYPE.reset || type === TYPE.headers);
    while (!isCut()) {
      client.write(frame(TYPE.data, 0, 1, Buffer.from("x")));
      await Bun.sleep(20);
    }
    await good();
    expect(web.received).toBe(received);
  });
});

describe("heads", () => {
  test.each([
    ["many fields", `GET /web/a HTTP/1.1\r\nHost: a\r\n${"X-A: b\r\n".repeat(2_000)}\r\n`, 431],
    ["a long field", `GET /web/a HTTP/1.1\r\nHost: a\r\nX-A: ${"b".repeat(MIB)}\r\n\r\n`, 431],
    ["a long name", `GET /web/a HTTP/1.1\r\nHost: a\r\n${"b".repeat(MIB)}`, 431],
    ["a long target", `GET /${"a".repeat(MIB)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["a long method", "G".repeat(MIB), 414],
    ["blank lines without end", "\r\n".repeat(MIB), 400],
  ])("are refused when they have %s", async (_, bytes, status) => {
    using client = await RawSocket.open(gateway.port);
    client.write(bytes);
    await client.closed();
    expect(client.statuses).toEqual([status]);
  });

  test("that come one behind the other, with replies that nobody reads, wait and are cut off", async () => {
    const grown = await growth(async () => {
      using client = await RawSocket.open(gateway.port);
      client.socket.pause();
      const many = Buffer.from("GET /web/a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000));
      for (let round = 0; round < 500 && !client.isClosed; round++) client.write(many);
      await until("no connection is open", async () => {
        const { connections } = await gateway.ask<{ connections: number }>("status");
        return connections === 0;
      });
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("of many connections at once do not fill memory", async () => {
    const grown = await growth(async () => {
      const clients = await open(300);
      for (const client of clients) client.write(`GET /web/a HTTP/1.1\r\nHost: a\r\nX-A: ${"b".repeat(MIB)}`);
      await Promise.all(clients.map((client) => client.closed()));
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
  });
});

const NOTHING = Buffer.alloc(0);
/** 4,000 bytes go into the table once; each byte 0xbe names them again. */
const BOMB = [...block(GET), 0x40, 3, 0x78, 0x2d, 0x61, 127, 0xa1, 0x1e, ...Buffer.alloc(4_000, 98)];

const FLOODS: readonly (readonly [what: string, bytes: (round: number) => Uint8Array])[] = [
  [
    "CONTINUATION without end",
    (round) =>
      frame(round === 0 ? TYPE.headers : TYPE.continuation, 0, 1, round === 0 ? block(GET) : block([["x-a", "b"]])),
  ],
  ["empty CONTINUATION", (round) => frame(round === 0 ? TYPE.headers : TYPE.continuation, 0, 1)],
  ["SETTINGS", () => settings()],
  ["PING", () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))],
  ["PRIORITY", (round) => frame(TYPE.priority, 0, 2 * round + 1, [...uint32(0), 1])],
  ["WINDOW_UPDATE", () => frame(TYPE.window, 0, 0, uint32(1))],
  ["unknown frames", () => frame(0xfa, 0, 0)],
  [
    "empty DATA",
    (round) =>
      round === 0
        ? headers(1, [...POST.slice(0, 2), [":path", "/web/upload"], POST[3]!], false)
        : frame(TYPE.data, 0, 1, NOTHING),
  ],
  [
    "rapid reset",
    (round) =>
      Buffer.concat([
        headers(2 * round + 1, [...GET.slice(0, 2), [":path", "/web/never"], GET[3]!]),
        frame(TYPE.reset, 0, 2 * round + 1, uint32(8)),
      ]),
  ],
  ["faulty streams", (round) => headers(2 * round + 1, [...GET, ["connection", "x"]])],
];

describe("HTTP/2", () => {
  test.each(FLOODS)("a flood of %s ends the connection", async (_, bytes) => {
    const grown = await growth(async () => {
      using client = await RawSocket.open(gateway.port);
      client.write(Buffer.concat([PREFACE, settings()]));
      for (let round = 0; round < 200_000 && !client.isClosed; round += 1_000) {
        client.write(Buffer.concat(Array.from({ length: 1_000 }, (_each, at) => bytes(round + at))));
        await until("it is sent", () => client.isClosed || client.socket.writableLength === 0);
      }
      await client.closed(); // its GOAWAY may be lost: whoever is flooded does not read to the end
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("a bomb of HPACK is refused", async () => {
    const grown = await growth(async () => {
      const clients = await open(20);
      const bomb = frame(TYPE.headers, 5, 1, [...BOMB, ...Buffer.alloc(12_000, 0xbe)]);
      for (const client of clients) client.write(Buffer.concat([PREFACE, settings(), bomb]));
      for (const client of clients)
        await until("it is refused", () =>
          framesOf(client.bytes).some(
            ({ type }) => type === TYPE.headers || type === TYPE.reset || type === TYPE.goaway,
          ),
        );
      for (const client of clients) client.socket.destroy();
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
    expect(recorder.bytes).not.toContain("bbbb");
  });

  test("a frame larger than allowed, and a reply that nobody reads, end or wait without filling memory", async () => {
    const { cut } = web;
    const grown = await growth(async () => {
      using large = await RawSocket.open(gateway.port);
      large.write(
        Buffer.concat([
          PREFACE,
          settings(),
          frame(TYPE.data, 0, 1, NOTHING).map((byte, at) => (at === 0 ? 255 : byte)),
        ]),
      );
      await large.closed();
      const readers = await open(20);
      const ask = headers(1, [...GET.slice(0, 2), [":path", "/web/download?bytes=50000000"], GET[3]!]);
      for (const reader of readers) {
        reader.socket.pause();
        reader.write(
          Buffer.concat([PREFACE, settings([4, 0x7fffffff]), frame(TYPE.window, 0, 0, uint32(0x7f000000)), ask]),
        );
      }
      await until("the upstream sees that nobody takes what it sends", () => web.cut >= cut + readers.length);
      for (const reader of readers) reader.socket.destroy();
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
  });
});

describe("noise", () => {
  const SEED = Number(process.env.DISTRIBUTED_SYSTEM_FUZZ_SEED ?? 8);
  const GOOD = [
    "GET /rec/a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n",
    "POST /rec/b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /rec/c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x81\0\0\0\0a",
    'POST /echo.v1.Echo/Say HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"text":"a"}',
  ].map((text) => Buffer.from(text, "latin1"));
  const H2: Field[] = [...POST.slice(0, 2), [":path", "/rec/d"], POST[3]!];
  const TWO = Buffer.concat([
    PREFACE,
    settings(),
    headers(1, H2, false),
    frame(TYPE.data, 1, 1, Buffer.from("hello")),
    headers(3, GET),
    frame(TYPE.ping, 0, 0, Buffer.alloc(8)),
  ]);

  test(`the gateway lives through broken requests of every kind (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const mutate = (bytes: Buffer): Buffer => {
      let out = Buffer.from(bytes);
      for (let times = random.below(4); times >= 0; times--) {
        const at = random.below(out.length + 1);
        const kind = random.below(5);
        const some = Buffer.from(
          ["\r\n", "\0", ": ", " ", "\n", "Content-Length: 1\r\n", "\xff"][random.below(7)]!,
          "latin1",
        );
        if (kind === 0 && at < out.length) out[at] = random.below(256);
        else if (kind === 1) out = Buffer.concat([out.subarray(0, at), some, out.subarray(at)]);
        else if (kind === 2)
          out = Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + random.below(9)))]);
        else if (kind === 3) out = Buffer.concat([out.subarray(0, at), out.subarray(random.below(at + 1))]);
        else out = out.subarray(0, Math.max(1, at));
      }
      return out;
    };
    recorder.forget();
    const grown = await growth(async () => {
      for (let round = 0; round < 60; round++) {
        const clients = await open(20);
        for (const client of clients) {
          const one = random.below(3) === 0 ? TWO : GOOD[random.below(GOOD.length)]!;
          client.write(mutate(one));
          if (random.below(2) === 0) client.write(mutate(one));
          if (random.below(3) === 0) client.socket.end();
        }
        await good();
        for (const client of clients) client.socket.destroy();
      }
    });
    expect(grown).toBeLessThan(GROWTH_BYTES_MAX);
    expect(gateway.node.stderr).not.toMatch(/defect|assert/i);
    expect(recorder.requests.length).toBeGreaterThan(0);
    for (const { fields, line } of recorder.requests) {
      expect(line).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \/\S* HTTP\/1\.1$/);
      for (const field of fields) expect(field).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+: [\t\x20-\x7e\x80-\xff]*$/);
    }
  });
});

describe("afterwards", () => {
  test("no connection and no request is left", async () => {
    await until("everything has ended", async () => {
      const { connections, inFlight } = await gateway.ask<{ connections: number; inFlight: number }>("status");
      return connections === 0 && inFlight === 0;
    });
    const { routes } = await gateway.ask<{ routes: { id: string; inFlight: number }[] }>("routes");
    expect(routes.filter(({ inFlight }) => inFlight !== 0)).toEqual([]);
    expect(gateway.node.stderr).not.toMatch(/defect|assert/i);
  });
});
