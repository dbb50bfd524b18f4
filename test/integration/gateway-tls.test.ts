/** TLS in front of and behind real gateways: what ALPN agrees on, who has to show a certificate, and gateways one behind the other. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { WebSocket as WsClient } from "ws";
import { curl, execute, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream, WebUpstream } from "../support/gateway-upstreams.ts";
import { ECHO_PROTO, type GrpcPeer, openGrpcPeer, type Words } from "../support/grpc-peer.ts";
import { Certificates } from "../support/openssl.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

let folder: Workspace;
let certificates: Certificates;
let web: WebUpstream;
let raw: RecordingUpstream;
let grpc: GrpcPeer;
/** What stands behind asks `front` for nothing, and wants a certificate itself. */
let back: TestGateway;
let front: TestGateway;
let plain: TestGateway;

beforeAll(async () => {
  folder = new Workspace();
  certificates = new Certificates(folder.path);
  certificates.authority("ca");
  certificates.authority("stranger");
  certificates.issue("server", "ca", "DNS:gateway.example,DNS:localhost,IP:127.0.0.1");
  certificates.issue("client", "ca", "DNS:client.example");
  certificates.issue("other", "stranger", "DNS:client.example");
  web = new WebUpstream();
  raw = new RecordingUpstream();
  grpc = await openGrpcPeer(folder.write("echo.proto", ECHO_PROTO));
  const tls = "tls_certificate=server.crt,tls_key=server.key";
  back = await TestGateway.start(
    folder,
    [
      `set|${tls},client_ca=ca.crt`,
      `route|web|/*|${web.url}`,
      `route|ws|/ws|${web.url}|convert=off`,
      `route|echo|/echo.v1.Echo/*|grpc://127.0.0.1:${grpc.port}`,
      `route|who|/who|${raw.url}|auth=mtls`,
    ],
    { name: "back" },
  );
  const shown = "upstream_ca=ca.crt,upstream_cert=client.crt,upstream_key=client.key,http_version=2";
  front = await TestGateway.start(
    folder,
    [
      `set|${tls}`,
      `route|web|/*|https://${back.address}|${shown}`,
      `route|ws|/ws|https://${back.address}|${shown},convert=off`,
      `route|echo|/echo.v1.Echo/*|grpcs://${back.address}|${shown}`,
      `route|nobody|/nobody|https://${back.address}|upstream_ca=ca.crt`,
      `route|untrusted|/untrusted|https://${back.address}|upstream_cert=client.crt,upstream_key=client.key`,
      `route|misnamed|/misnamed|https://${back.address}|${shown},upstream_server_name=elsewhere.example`,
    ],
    { name: "front" },
  );
  plain = await TestGateway.start(folder, [`route|ws|/ws|https://${back.address}|${shown},convert=off`], {
    name: "plain",
  });
});

afterAll(async () => {
  for (const gateway of [plain, front, back]) await gateway?.[Symbol.asyncDispose]();
  await grpc?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  raw?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

const ca = (): string[] => ["--cacert", certificates.path("ca.crt")];

describe("clients over TLS", () => {
  test.each([
    ["--http1.1", "1.1"],
    ["--http2", "2"],
  ])("curl %s gets HTTP/%s by ALPN, through two gateways", async (flag, version) => {
    const { err, out } = await curl(...ca(), flag, "-w", "\n%{http_version}", `https://${front.address}/a?b=c`);
    expect(err).toBe("");
    const [body, spoken] = out.split("\n");
    expect(spoken).toBe(version);
    expect(JSON.parse(body!)).toMatchObject({ path: "/a", headers: { "x-forwarded-proto": "https" } });
    expect((JSON.parse(body!) as { headers: { via: string } }).headers.via.split(", ").length).toBe(2);
  });

  test("nghttp and h2load speak HTTP/2 with it", async () => {
    const asked = await execute(["nghttp", "-nv", `https://localhost:${front.port}/a`]);
    expect(asked.out).toContain(":status: 200");
    const { out } = await execute(["h2load", "-n", "200", "-c", "2", "-m", "10", `https://localhost:${front.port}/a`]);
    expect(out).toContain("200 done, 200 succeeded, 0 failed, 0 errored");
  });

  test("a large body goes both ways whole", async () => {
    const file = folder.write("large", Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef-"));
    const sha1 = new Bun.CryptoHasher("sha1").update(await Bun.file(file).bytes()).digest("hex");
    for (const flag of ["--http1.1", "--http2"]) {
      const { out } = await curl(...ca(), flag, "-T", file, `https://${front.address}/upload`);
      expect(JSON.parse(out)).toEqual({ bytes: 8 * 1024 * 1024, sha1 });
      const down = await curl(
        ...ca(),
        flag,
        "-o",
        "/dev/null",
        "-w",
        "%{size_download}",
        `https://${front.address}/download?bytes=8388608`,
      );
      expect(down.out).toBe("8388608");
    }
  });

  test("gRPC goes through two gateways", async () => {
    const client = grpc.client(`localhost:${front.port}`, certificates.read("ca.crt"));
    const words = await new Promise<Words>((resolve, reject) =>
      client.Say({ text: "a", count: 1 }, (error: unknown, answer: Words) => (error ? reject(error) : resolve(answer))),
    );
    expect(words).toEqual({ text: "a", count: 2 });
    client.close();
  });

  test("WebSockets go through HTTP/2 between gateways, over TLS and plain", async () => {
    for (const url of [`wss://localhost:${front.port}/ws`, `ws://${plain.address}/ws`]) {
      const ws = new WsClient(url, { ca: certificates.read("ca.crt") });
      const heard: string[] = [];
      ws.on("message", (data: Buffer) => heard.push(data.toString()));
      await new Promise((resolve, reject) => ws.on("open", resolve).on("error", reject));
      ws.send("hello");
      await until(`the echo through ${url}`, () => heard[0] === "hello");
      const closed = new Promise((resolve) => ws.on("close", resolve));
      ws.close(1000);
      await closed;
    }
  });

  test("plain HTTP on the port of TLS is refused", async () => {
    const { code } = await curl(`http://${front.address}/a`);
    expect(code).not.toBe(0);
  });
});

describe("certificates of clients", () => {
  const show = (name: string): string[] => [
    "--cert",
    certificates.path(`${name}.crt`),
    "--key",
    certificates.path(`${name}.key`),
  ];

  test("only who shows one that the CA has signed gets in", async () => {
    raw.forget();
    const ask = (...words: string[]) =>
      curl(...ca(), ...words, "-o", "/dev/null", "-w", "%{http_code}", `https://${back.address}/who`);
    expect((await ask(...show("client"))).out).toBe("200");
    expect((await ask()).out).toBe("000");
    expect((await ask(...show("other"))).out).toBe("000");
    expect((await ask("--http1.1")).out).toBe("000");
    expect((await ask("--http1.1", ...show("other"))).out).toBe("000");
    expect(raw.requests.length).toBe(1);
  });

  test("the gateway shows its own to upstreams, and believes none that is not signed or not named so", async () => {
    const statusOf = async (path: string) =>
      (await curl(...ca(), "-o", "/dev/null", "-w", "%{http_code}", `https://${front.address}${path}`)).out;
    expect(await statusOf("/nobody")).toBe("502");
    expect(await statusOf("/untrusted")).toBe("502");
    expect(await statusOf("/misnamed")).toBe("502");
    expect(await statusOf("/a")).toBe("200");
  });
});
