/** What users of other gateways look for, through a real one: pages of other origins, gRPC at the root, balancers before it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { Metadata } from "@grpc/grpc-js";
import { decodeReflectionReply, encodeReflectionRequest } from "../../src/wire/protobuf/index.ts";
import { curl, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream } from "../support/gateway-upstreams.ts";
import { ECHO_PROTO, type GrpcPeer, openGrpcPeer } from "../support/grpc-peer.ts";
import { Certificates } from "../support/openssl.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const PAGE = "https://shop.example";

let folder: Workspace;
let peer: GrpcPeer;
let upstream: RecordingUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  folder = new Workspace();
  peer = await openGrpcPeer(folder.write("echo.proto", ECHO_PROTO));
  upstream = new RecordingUpstream();
  upstream.reply = () => "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\netag: x\r\ncontent-length: 2\r\n\r\nok";
  gateway = await TestGateway.start(folder, [
    `route|echo|/echo.v1.Echo/*|grpc://127.0.0.1:${peer.port}|proto=echo.proto,cors=${PAGE}`,
    `route|shop|/shop|${upstream.url}|cors=${PAGE};https://*.shop.example,cors_credentials=true,cors_expose=etag`,
    `route|closed|PUT /closed|${upstream.url}|cors=${PAGE},auth=token`,
    "route|down|/down|http://127.0.0.1:1|cors=*",
    "limit|client_ip|3|1h|REJECT|routes=closed",
  ]);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await peer?.[Symbol.asyncDispose]();
  upstream?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

function preflight(path: string, method: string, origin = PAGE) {
  return fetch(`${gateway.url}${path}`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": method, "access-control-request-headers": "x-a" },
  });
}

function cors(reply: Response): Record<string, string> {
  const fields = [...reply.headers].filter(([name]) => name.startsWith("access-control-") || name === "vary");
  return Object.fromEntries(fields.map(([name, value]) => [name.replace("access-control-", ""), value]));
}

describe("a page of another origin", () => {
  test("gets leave before it asks, and no upstream hears of it", async () => {
    const reply = await preflight("/shop", "DELETE", "https://a.shop.example");
    expect([reply.status, cors(reply)]).toEqual([
      204,
      {
        "allow-origin": "https://a.shop.example",
        "allow-credentials": "true",
        "expose-headers": "etag",
        "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "allow-headers": "x-a",
        "max-age": "600",
        vary: "origin, access-control-request-method, access-control-request-headers",
      },
    ]);
    expect((await preflight("/shop", "GET", "https://shop.example.evil")).status).toBe(403);
    expect(upstream.requests).toHaveLength(0);
  });

  test("reads replies of the upstream under the gateway's own fields, and those that the gateway makes", async () => {
    const { out } = await curl("-i", "-H", `Origin: ${PAGE}`, `${gateway.url}/shop`);
    expect(out.match(/^access-control-allow-origin: .*$/gim)).toEqual([`access-control-allow-origin: ${PAGE}`]);
    const down = await fetch(`${gateway.url}/down`, { headers: { origin: PAGE } });
    expect([down.status, cors(down)]).toEqual([502, { "allow-origin": "*" }]);
  });

  test("needs no token for a preflight, which counts under limits by address", async () => {
    expect([(await preflight("/closed", "PUT")).status, (await preflight("/closed", "PUT")).status]).toEqual([
      204, 204,
    ]);
    const init = { method: "PUT", headers: { origin: PAGE } };
    const asked = await fetch(`${gateway.url}/closed`, init);
    expect([asked.status, cors(asked)["allow-origin"]]).toEqual([401, PAGE]);
    const limited = await fetch(`${gateway.url}/closed`, init);
    expect([limited.status, cors(limited)["allow-origin"]]).toEqual([429, PAGE]);
  });

  test("reads the status of gRPC by gRPC-web", async () => {
    const asked = await preflight("/echo.v1.Echo/Say", "POST");
    expect(cors(asked)["allow-methods"]).toContain("POST");
    const reply = await fetch(`${gateway.url}/echo.v1.Echo/Say`, {
      method: "POST",
      headers: { origin: PAGE, "content-type": "application/grpc-web+proto" },
      body: new Uint8Array(5),
    });
    expect(cors(reply)).toEqual({
      "allow-origin": PAGE,
      "expose-headers": "grpc-status, grpc-message, grpc-status-details-bin",
      vary: "origin",
    });
    expect(Buffer.from(await reply.arrayBuffer()).toString("latin1")).toContain("grpc-status: 0");
  });

  test("is told by `gateway try` who answers its preflight", async () => {
    const headers = [`origin: ${PAGE}`, "access-control-request-method: PUT"].flatMap((text) => ["--header", text]);
    const {
      guards,
      route,
      upstream: sent,
    } = await gateway.ask<{ guards: string[]; route: string; upstream?: string }>("try", [
      "OPTIONS",
      "/closed",
      ...headers,
    ]);
    expect([route, guards, sent]).toEqual(["closed", [`answers the preflight of pages of ${PAGE}`], undefined]);
  });
});

describe("a reply", () => {
  const TEXT = "<p>all work and no play</p>\n".repeat(2_000);
  const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n";
  const chunked = (): string =>
    `${HEAD}transfer-encoding: chunked\r\n\r\n${TEXT.length.toString(16)}\r\n${TEXT}\r\n0\r\n\r\n`;
  const whole = (): string => `${HEAD}content-length: ${TEXT.length}\r\n\r\n${TEXT}`;

  test("is made smaller as the client takes it, whether it comes whole or in pieces", async () => {
    using own = new RecordingUpstream();
    const lines = [`route|small|/small|${own.url}|compress=true`, `route|short|/short|${own.url}|max_response=1KiB`];
    await using other = await TestGateway.start(folder, lines, { name: "sizes" });
    for (const [reply, accept] of [
      [whole, "gzip"],
      [chunked, "gzip"],
      [chunked, "br"],
      [chunked, "gzip, br, zstd"],
    ] as const) {
      own.reply = reply;
      const words = ["--compressed", "-H", `accept-encoding: ${accept}`, "-w", "%{stderr}%{size_download}"];
      const { err, out } = await curl(...words, `${other.url}/small`);
      expect([accept, out === TEXT, Number(err) < 2_000]).toEqual([accept, true, true]);
    }
    own.reply = whole;
    expect((await fetch(`${other.url}/short`)).status).toBe(502);
    own.reply = chunked;
    expect((await fetch(`${other.url}/short`)).status).toBe(502);
    own.reply = () => chunked().replace("\r\n\r\n", "\r\n\r\n1\r\na\r\n");
    const broken = await curl(`${other.url}/short`);
    expect([broken.code === 0, broken.out.length < TEXT.length]).toEqual([false, true]);
    expect((await fetch(`${other.url}/small`)).status).toBe(200);
  });
});

describe("gRPC at the root", () => {
  /** Messages as they are, of one call. */
  function call(path: string, message: Uint8Array): Promise<{ code: number; messages: Buffer[] }> {
    const client = peer.client(gateway.address);
    const same = (bytes: Buffer): Buffer => bytes;
    const stream = client.makeServerStreamRequest(path, same, same, Buffer.from(message), new Metadata());
    const messages: Buffer[] = [];
    return new Promise((resolve) => {
      stream.on("data", (bytes: Buffer) => messages.push(bytes));
      stream.on("error", () => {}); // its status says it
      stream.on("status", ({ code }) => {
        client.close();
        resolve({ code, messages });
      });
    });
  }

  function health(service: string) {
    return call("/grpc.health.v1.Health/Check", Uint8Array.of(0x0a, service.length, ...Buffer.from(service)));
  }

  test("has health and reflection without a route for them", async () => {
    expect(await health("")).toEqual({ code: 0, messages: [Buffer.of(8, 1)] });
    expect(await health("echo.v1.Echo")).toEqual({ code: 0, messages: [Buffer.of(8, 1)] });
    expect((await health("no.Such")).code).toBe(5);
    const asked = encodeReflectionRequest({ kind: "services", name: "" });
    const { messages } = await call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", asked);
    expect(decodeReflectionReply(messages[0]!)).toEqual({ kind: "services", names: ["echo.v1.Echo"] });
    const { routes } = await gateway.ask<{ routes: { id: string; requests: number }[] }>("routes");
    expect(routes.find(({ id }) => id === "(grpc health)")?.requests).toBe(3);
  });

  test("asks targets that name grpc for their health, and leaves out what is not serving", async () => {
    // grpc-js' echo server has no health service: UNIMPLEMENTED is no good answer.
    await using other = await TestGateway.start(
      folder,
      [
        `route|echo|/echo.v1.Echo/*|grpc://127.0.0.1:${peer.port}|health=grpc:echo.v1.Echo,health_interval=100ms,unhealthy_after=1`,
      ],
      { name: "checked" },
    );
    await until("the target is left out", async () => {
      const { routes } = await other.ask<{ routes: { targets: { state: string }[] }[] }>("routes");
      return routes[0]?.targets[0]?.state === "unhealthy";
    });
  });
});

describe("behind a balancer that speaks the PROXY protocol", () => {
  /** What the upstream was told of the client. */
  const forwarded = (): string | undefined =>
    upstream.requests.at(-1)?.fields.find((field) => field.startsWith("x-forwarded-for:"));

  test("plain and with TLS the client is whom the header names, and limits count it", async () => {
    const certificates = new Certificates(folder.path);
    certificates.authority("ca");
    certificates.issue("server", "ca", "DNS:localhost,IP:127.0.0.1");
    const lines = ["set|proxy_protocol=127.0.0.1", `route|shop|/*|${upstream.url}`, "limit|client_ip|2|1h|REJECT"];
    await using plain = await TestGateway.start(folder, lines, { name: "balanced" });
    const tls = ["set|tls_certificate=server.crt,tls_key=server.key", ...lines];
    await using secure = await TestGateway.start(folder, tls, { name: "balanced-tls" });
    const { out } = await curl("-i", "--haproxy-protocol", plain.url);
    expect([out.slice(0, 15), forwarded()]).toEqual(["HTTP/1.1 200 OK", "x-forwarded-for: 127.0.0.1"]);
    for (const [scheme, version, gateway] of [
      ["http", "--http1.1", plain],
      ["https", "--http1.1", secure],
      ["https", "--http2", secure],
    ] as const) {
      using balancer = new HeaderBalancer(gateway.port, "PROXY TCP4 203.0.113.9 10.0.0.1 4660 80\r\n");
      const reply = await curl("-k", version, "-w", " %{http_code}", `${scheme}://127.0.0.1:${balancer.port}/`);
      expect([reply.out, forwarded()]).toEqual(["ok 200", "x-forwarded-for: 203.0.113.9"]);
    }
    using same = new HeaderBalancer(plain.port, "PROXY TCP4 203.0.113.9 10.0.0.1 4661 80\r\n");
    const statuses: number[] = [];
    for (let n = 0; n < 2; n++) statuses.push((await fetch(`http://127.0.0.1:${same.port}/`)).status);
    expect(statuses).toEqual([200, 429]);
    const refused = await curl(plain.url);
    expect([refused.code === 0, refused.out]).toEqual([false, ""]);
  });
});

/** Passes connections on, a header before each. */
class HeaderBalancer implements Disposable {
  readonly #server: Server;

  constructor(port: number, header: string) {
    this.#server = createServer((client) => {
      const behind = connect({ host: "127.0.0.1", port });
      behind.write(header, "latin1");
      client.pipe(behind).pipe(client);
      for (const socket of [client, behind]) socket.on("error", () => {}); // a cut is a close like any other here
    }).listen(0, "127.0.0.1");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}
