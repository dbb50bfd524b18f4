/**
 * Requests that two readers could understand differently, before a real gateway: nothing of what is hidden in one ever reaches the upstream,
 * which keeps every byte that it gets. And names that lead inside.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { curl, RawSocket, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream } from "../support/gateway-upstreams.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";
import { type Field, frame, framesOf, GET, headers, POST, PREFACE, settings, TYPE } from "../unit/wire/http2/rig.ts";

let folder: Workspace;
let upstream: RecordingUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  folder = new Workspace();
  upstream = new RecordingUpstream();
  gateway = await TestGateway.start(folder, [
    `route|all|/*|${upstream.url}`,
    `route|go|/go/{host}/*|http://{host}:${upstream.port}|rewrite=/{rest},connect_timeout=2s`,
  ]);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  upstream?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

/** Something that is a request to whoever reads it as one. */
const HIDDEN = "GET /hidden HTTP/1.1^Host: a^^";
const POSTED = "POST /x HTTP/1.1^Host: a^";
const CHUNK = "1^a^0^^";

/** `^` stands for CRLF. None of these is a request. */
const MALFORMED: readonly (readonly [what: string, bytes: string])[] = [
  ["CL.TE", `${POSTED}Content-Length: 6^Transfer-Encoding: chunked^^0^^${HIDDEN}`],
  ["TE.CL", `${POSTED}Transfer-Encoding: chunked^Content-Length: 4^^5c^${HIDDEN}^0^^`],
  ["TE.TE, one of them none", `${POSTED}Transfer-Encoding: chunked^Transfer-Encoding: x^^${CHUNK}${HIDDEN}`],
  ["TE.TE, twice", `${POSTED}Transfer-Encoding: chunked^Transfer-Encoding: chunked^^${CHUNK}${HIDDEN}`],
  ["TE of two codings", `${POSTED}Transfer-Encoding: chunked, identity^^${CHUNK}${HIDDEN}`],
  ["TE identity", `${POSTED}Transfer-Encoding: identity^Content-Length: 0^^${HIDDEN}`],
  ["TE with a vertical tab", `${POSTED}Transfer-Encoding:\x0bchunked^Content-Length: 3^^${CHUNK}${HIDDEN}`],
  ["TE in quotes", `${POSTED}Transfer-Encoding: "chunked"^Content-Length: 3^^${CHUNK}${HIDDEN}`],
  ["TE behind a blank", `${POSTED}Transfer-Encoding : chunked^^${CHUNK}${HIDDEN}`],
  ["TE before a blank", `${POSTED} Transfer-Encoding: chunked^^${CHUNK}${HIDDEN}`],
  ["TE on a folded line", `${POSTED}X: y^ Transfer-Encoding: chunked^^${CHUNK}${HIDDEN}`],
  ["TE with a folded value", `${POSTED}Transfer-Encoding:^ chunked^^${CHUNK}${HIDDEN}`],
  ["TE with NUL", `${POSTED}Transfer-Encoding: chunked\0^^${CHUNK}${HIDDEN}`],
  ["TE of HTTP/1.0", `POST /x HTTP/1.0^Host: a^Transfer-Encoding: chunked^^${CHUNK}${HIDDEN}`],
  ["two lengths", `${POSTED}Content-Length: 0^Content-Length: ${HIDDEN.length}^^${HIDDEN}`],
  ["two lengths in one field", `${POSTED}Content-Length: 0, 44^^${HIDDEN}`],
  ["a length with a sign", `${POSTED}Content-Length: +0^^${HIDDEN}`],
  ["a negative length", `${POSTED}Content-Length: -1^^${HIDDEN}`],
  ["a hexadecimal length", `${POSTED}Content-Length: 0x0^^${HIDDEN}`],
  ["a length with a fraction", `${POSTED}Content-Length: 0.0^^${HIDDEN}`],
  ["a length with a blank inside", `${POSTED}Content-Length: 0 0^^${HIDDEN}`],
  ["an empty length", `${POSTED}Content-Length: ^^${HIDDEN}`],
  ["a length beyond numbers", `${POSTED}Content-Length: 18446744073709551616^^${HIDDEN}`],
  ["bare LF ends lines", `POST /x HTTP/1.1\nHost: a\nContent-Length: 0\n\n${HIDDEN}`],
  ["bare LF in the head", `${POSTED}X: a\nContent-Length: 0^^${HIDDEN}`],
  ["bare CR in the head", `${POSTED}X: a\rContent-Length: 0^^${HIDDEN}`],
  ["a line without a name", `${POSTED}: a^^${HIDDEN}`],
  ["a line without a colon", `${POSTED}Content-Length^^${HIDDEN}`],
  ["no host", `GET /x HTTP/1.1^^${HIDDEN}`],
  ["two hosts", `GET /x HTTP/1.1^Host: a^Host: b^^${HIDDEN}`],
  ["a host with a path", `GET /x HTTP/1.1^Host: a/b^^${HIDDEN}`],
  ["a host with a user", `GET /x HTTP/1.1^Host: u@a^^${HIDDEN}`],
  ["a target and a host that differ", `GET http://b/x HTTP/1.1^Host: a^^${HIDDEN}`],
  ["a blank in the target", `GET /x /y HTTP/1.1^Host: a^^${HIDDEN}`],
  ["a tab for a blank", `GET\t/x\tHTTP/1.1^Host: a^^${HIDDEN}`],
  ["two blanks", `GET  /x HTTP/1.1^Host: a^^${HIDDEN}`],
  ["a strange version", `GET /x HTTP/1.2^Host: a^^${HIDDEN}`],
  ["version 2 in text", `GET /x HTTP/2.0^Host: a^^${HIDDEN}`],
  ["no version", `GET /x^Host: a^^${HIDDEN}`],
  ["a method that is none", `G(T /x HTTP/1.1^Host: a^^${HIDDEN}`],
  ["a fragment", `GET /x#y HTTP/1.1^Host: a^^${HIDDEN}`],
  ["a backslash host", `GET /x HTTP/1.1^Host: a\\b^^${HIDDEN}`],
  ["a blank line and a blank", `^^ GET /x HTTP/1.1^Host: a^^${HIDDEN}`],
  ["an encoded slash and dots", `GET /a/..%2f..%2fhidden HTTP/1.1^Host: a^Connection: close^^`],
];

/** The head is good, what follows is not: the upstream may see that a request began, and that it broke. */
const BROKEN: readonly (readonly [what: string, bytes: string])[] = [
  ["a chunk's size is none", `zz^a^0^^${HIDDEN}`],
  ["a chunk's size overflows", `ffffffffffffffff1^a^0^^${HIDDEN}`],
  ["a chunk's size has a sign", `+1^a^0^^${HIDDEN}`],
  ["a chunk's size has 0x", `0x1^a^0^^${HIDDEN}`],
  ["a chunk's line ends with LF", `1\na^0^^${HIDDEN}`],
  ["a chunk is longer than its size", `1^ab^0^^${HIDDEN}`],
  ["an extension hides a line", `1;a\n^a^0^^${HIDDEN}`],
  ["a trailer tells the framing", `0^Content-Length: 5^^${HIDDEN}`],
  ["a trailer has no colon", `0^x^^${HIDDEN}`],
];

function crlf(text: string): string {
  return text.replaceAll("^", "\r\n");
}

/** A good request of another client comes through, and behind it nothing else can be on its way. */
async function onlyGood(): Promise<void> {
  const { code } = await curl(`${gateway.url}/good`);
  expect(code).toBe(0);
  const good = upstream.requests.filter(({ line }) => line === "GET /good HTTP/1.1");
  expect(good.length).toBe(1);
  expect(upstream.bytes).not.toContain("hidden");
}

describe("a request that can be read in two ways", () => {
  test.each(MALFORMED)("is refused when it has %s, and nothing reaches the upstream", async (_, bytes) => {
    upstream.forget();
    using client = await RawSocket.open(gateway.port);
    client.write(crlf(bytes));
    await client.closed();
    expect(client.statuses.length).toBe(1);
    expect(client.statuses[0]).toBeGreaterThanOrEqual(400);
    expect(client.statuses[0]).not.toBe(500);
    await onlyGood();
    expect(upstream.requests.map(({ line }) => line)).toEqual(["GET /good HTTP/1.1"]);
  });

  test.each(BROKEN)("breaks when %s, and what hides behind it does not reach the upstream", async (_, body) => {
    upstream.forget();
    using client = await RawSocket.open(gateway.port);
    client.write(crlf(`${POSTED}Transfer-Encoding: chunked^^${body}`));
    await client.closed();
    expect(client.statuses).toEqual([400]);
    await onlyGood();
    expect(upstream.requests.map(({ line }) => line)).toEqual(["GET /good HTTP/1.1"]);
  });

  test("is passed on as one when its bytes look like another request", async () => {
    upstream.forget();
    using client = await RawSocket.open(gateway.port);
    const inner = crlf("GET /inner HTTP/1.1^Host: a^^");
    const sized = `POST /sized HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`;
    const chunked = `POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${inner.length.toString(16)};x=y\r\n${inner}\r\n0\r\n\r\n`;
    client.write(`${sized}${chunked}GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.closed();
    expect(client.statuses).toEqual([200, 200, 200]);
    expect(upstream.requests.map(({ line }) => line.split(" ")[1])).toEqual(["/sized", "/chunked", "/last"]);
    expect(upstream.requests.slice(0, 2).map(({ body }) => body)).toEqual([inner, inner]);
    expect(upstream.bytes).not.toContain("x=y");
  });

  test("reaches the upstream without what belongs to one hop", async () => {
    upstream.forget();
    using client = await RawSocket.open(gateway.port);
    const hops =
      "Connection: close, X-Secret, HTTP2-Settings^X-Secret: 1^Keep-Alive: 5^Proxy-Connection: x^TE: gzip^Upgrade: h2c^HTTP2-Settings: a^";
    client.write(crlf(`GET /hop HTTP/1.1^Host: a^${hops}X-Good: 1^^`));
    await client.closed();
    const { fields } = await upstream.got(1);
    const names = fields.map((field) => field.slice(0, field.indexOf(":")));
    expect(names).toContain("x-good");
    for (const name of ["x-secret", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings", "connection"])
      expect(names).not.toContain(name);
  });
});

const H2: readonly (readonly [what: string, fields: readonly Field[]])[] = [
  ["a value with CRLF", [...GET, ["x-a", "b\r\nGET /hidden HTTP/1.1\r\n\r\n"]]],
  ["a value with LF", [...GET, ["x-a", "b\nhidden: 1"]]],
  ["a value with NUL", [...GET, ["x-a", "hidden\0"]]],
  ["a name with CRLF", [...GET, ["x-a\r\nhidden", "1"]]],
  ["a name with a colon", [...GET, ["x-a: hidden", "1"]]],
  ["a name in capitals", [...GET, ["X-Hidden", "1"]]],
  ["an empty name", [...GET, ["", "hidden"]]],
  [
    "a path with CRLF",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/ HTTP/1.1\r\n\r\nGET /hidden"],
      [":authority", "a"],
    ],
  ],
  [
    "a path with a blank",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/a HTTP/1.1 hidden"],
      [":authority", "a"],
    ],
  ],
  [
    "a path without a slash",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "hidden"],
      [":authority", "a"],
    ],
  ],
  [
    "an empty path",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", ""],
      [":authority", "a"],
    ],
  ],
  [
    "a method with a blank",
    [
      [":method", "GET /hidden"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "a"],
    ],
  ],
  [
    "an authority with CRLF",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "a\r\nhidden: 1"],
    ],
  ],
  [
    "an authority with a user",
    [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "hidden@a"],
    ],
  ],
  [
    "a scheme with CRLF",
    [
      [":method", "GET"],
      [":scheme", "http\r\nhidden"],
      [":path", "/"],
      [":authority", "a"],
    ],
  ],
  ["two paths", [...GET, [":path", "/hidden"]]],
  ["a pseudo field behind others", [GET[0]!, GET[1]!, GET[2]!, ["x-a", "b"], [":authority", "hidden"]]],
  ["a pseudo field that is none", [...GET, [":hidden", "1"]]],
  ["a pseudo field of replies", [...GET, [":status", "200"]]],
  ["no path", [GET[0]!, GET[1]!, GET[3]!]],
  ["a host that is another", [...GET, ["host", "hidden"]]],
  ["transfer-encoding", [...POST, ["transfer-encoding", "chunked"]]],
  ["connection", [...GET, ["connection", "x-hidden"]]],
  ["upgrade", [...GET, ["upgrade", "hidden"]]],
  ["te that is not trailers", [...GET, ["te", "gzip"]]],
  ["two lengths", [...POST, ["content-length", "0"], ["content-length", "5"]]],
  ["a length that is none", [...POST, ["content-length", "0x5"]]],
  ["a length and no bytes", [...POST, ["content-length", "5"]]],
];

describe("a request of HTTP/2 for an upstream of HTTP/1.1", () => {
  async function ask(...frames: readonly Uint8Array[]): Promise<RawSocket> {
    const client = await RawSocket.open(gateway.port);
    client.write(Buffer.concat([PREFACE, settings(), ...frames]));
    return client;
  }
  function isRefused(client: RawSocket): boolean {
    const seen = framesOf(client.bytes);
    return (
      client.isClosed || seen.some(({ type }) => type === TYPE.reset || type === TYPE.goaway || type === TYPE.headers)
    );
  }

  test.each(H2)("is refused when it has %s, and nothing reaches the upstream", async (_, fields) => {
    upstream.forget();
    using client = await ask(headers(1, fields));
    await until("it is refused", () => isRefused(client));
    await onlyGood();
    expect(upstream.requests.map(({ line }) => line)).toEqual(["GET /good HTTP/1.1"]);
  });

  test("is cut when its body is longer than its length, and nothing of it becomes another request", async () => {
    upstream.forget();
    const bytes = Buffer.from("abcdeGET /hidden HTTP/1.1\r\nhost: a\r\n\r\n");
    using client = await ask(headers(1, [...POST, ["content-length", "5"]], false), frame(TYPE.data, 1, 1, bytes));
    await until("it is refused", () => isRefused(client));
    await onlyGood();
  });
});

describe("a dynamic target", () => {
  const INSIDE = [
    ...[
      "127.0.0.1",
      "127.0.0.2",
      "0.0.0.0",
      "localhost",
      "localhost.",
      "LOCALHOST",
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
    ],
    ...[
      "[::ffff:7f00:1]",
      "[64:ff9b::7f00:1]",
      "[::127.0.0.1]",
      "169.254.169.254",
      "[fe80::1]",
      "[fd00::1]",
      "10.0.0.1",
    ],
    ...["192.168.0.1", "172.16.0.1", "100.64.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.1", "0"],
    ...[
      "127.0.0.1.",
      "%31%32%37.0.0.1",
      "x@127.0.0.1",
      "127.0.0.1%23",
      "127.0.0.1%3a80",
      "127.0.0.1%2fx",
      "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
    ],
    ...["metadata.google.internal", hostname(), "255.255.255.255", "224.0.0.1", "[ff02::1]", "[2002:7f00:1::]"],
  ];

  test.each(INSIDE)("does not reach %s", async (host) => {
    upstream.forget();
    using client = await RawSocket.open(gateway.port);
    client.write(crlf(`GET /go/${host}/hidden HTTP/1.1^Host: a^Connection: close^^`));
    await client.closed();
    expect([400, 403, 404, 502, 503]).toContain(client.statuses[0]!);
    expect(upstream.requests).toEqual([]);
  });

  test("reaches an address inside when the file allows it", async () => {
    upstream.forget();
    const lines = [
      "set|allowed_private=127.0.0.1/32",
      `route|go|/go/{host}/*|http://{host}:${upstream.port}|rewrite=/{rest}`,
    ];
    await using open = await TestGateway.start(folder, lines, { name: "open" });
    const statusOf = async (host: string) =>
      (await curl("-o", "/dev/null", "-w", "%{http_code}", `${open.url}/go/${host}/inside`)).out;
    expect(await statusOf("127.0.0.1")).toBe("200");
    expect(await statusOf("localhost")).toBe("200");
    expect(await statusOf("127.0.0.2")).toBe("403");
    expect(upstream.requests.map(({ line }) => line)).toEqual(["GET /inside HTTP/1.1", "GET /inside HTTP/1.1"]);
  });
});
