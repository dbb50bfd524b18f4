/** TLS on the port: by ALPN, with certificates of clients, and with a certificate that changes while connections are open. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import type { TlsMaterial } from "../../../../../src/edge/gateway/listener/index.ts";
import { until } from "../../../../support/until.ts";
import { listen, RawClient, sayOk, statuses } from "./rig.ts";

let folder = "";
const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const material = (name: string, more: Partial<TlsMaterial> = {}): TlsMaterial => ({
  certificate: read(`${name}.crt`),
  key: read(`${name}.key`),
  clientCertificate: "none",
  ...more,
});

function openssl(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

function certify(name: string, subject: string, signer?: string): void {
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    `${name}.key`,
    "-subj",
    subject,
  ];
  if (signer === undefined) return openssl("req", "-x509", ...key, "-out", `${name}.crt`, "-days", "2");
  openssl("req", ...key, "-out", `${name}.csr`);
  const signed = [
    "-CA",
    `${signer}.crt`,
    "-CAkey",
    `${signer}.key`,
    "-CAcreateserial",
    "-out",
    `${name}.crt`,
    "-days",
    "2",
  ];
  openssl("x509", "-req", "-in", `${name}.csr`, ...signed);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "listener-tls-"));
  certify("first", "/CN=first");
  certify("second", "/CN=second");
  certify("ca", "/CN=ca");
  certify("client", "/O=Acme, Inc/CN=client one", "ca");
  certify("stranger", "/CN=stranger");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TLS = { rejectUnauthorized: false, ALPNProtocols: "\x08http/1.1" };
const GET = "GET /1 HTTP/1.1^Host: a^^";
const of = (name: string): Readonly<Record<string, unknown>> => ({
  ...TLS,
  cert: read(`${name}.crt`),
  key: read(`${name}.key`),
});

/** No handshake comes to its end. */
function turnedAway(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => reject(new Error("let in")));
    socket.on("error", () => {}); // a cut is a close like any other here
    socket.on("close", () => resolve());
  });
}

/** Whose certificate the server shows. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve((socket.getPeerCertificate() as PeerCertificate).subject.CN as string);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("openListener with TLS", () => {
  test("requests are answered, and the exchange tells what TLS knows of the client", async () => {
    await using rig = listen({ handle: sayOk, tls: () => material("first") });
    await using client = await RawClient.connect(rig.listener.port, { ...TLS, serverName: "some.example" });
    client.send(GET);
    await client.says("ok /1");
    expect(rig.exchanges[0]?.request.scheme).toBe("https");
    expect(rig.exchanges[0]?.peer).toMatchObject({
      address: "127.0.0.1",
      tls: { alpn: "http/1.1", serverName: "some.example" },
    });
    expect(rig.exchanges[0]?.peer.tls?.certificate).toBeUndefined();
  });

  test("a large reply and a large body go through, and a refused request is answered before the end", async () => {
    const size = 3_000_000;
    await using rig = listen({
      handle: (exchange) => exchange.send({ status: 200, headers: [] }, Buffer.alloc(size, "x")),
      tls: () => material("first"),
    });
    await using client = await RawClient.connect(rig.listener.port, TLS);
    client.send(GET);
    await until("the reply", () => client.text.length > size);
    client.send("GET / HTTP/1.1^^");
    expect(statuses(await client.ended())).toEqual([200, 400]);
  });

  test("a reply in front of the end reaches a client whole that reads it long after the connection was let go", async () => {
    const size = 1_000_000;
    await using rig = listen({
      handle: (exchange) => exchange.send({ status: 200, headers: [] }, Buffer.alloc(size, "x")),
      tls: () => material("first"),
    });
    await using client = await RawClient.connect(rig.listener.port, TLS);
    client.pause();
    client.send("GET / HTTP/1.1^Host: a^Connection: close^^");
    await until("it is answered", () => rig.exchanges.length === 1);
    await until("the connection was let go", () => {
      rig.clock.advance(1_000);
      return rig.listener.counts().connections === 0;
    });
    client.resume();
    const text = await client.ended();
    expect(text.length - text.indexOf("\r\n\r\n") - 4).toBe(size);
  });

  test("the certificate changes for new connections and the old ones go on", async () => {
    let now = material("first");
    await using rig = listen({ handle: sayOk, tls: () => now });
    await using old = await RawClient.connect(rig.listener.port, TLS);
    expect(await shown(rig.listener.port)).toBe("first");
    now = material("second");
    expect(await shown(rig.listener.port)).toBe("second");
    old.send(GET);
    await old.says("ok /1");
  });

  const faulty: readonly (readonly [string, () => TlsMaterial])[] = [
    ["the key is another's", () => material("first", { key: read("second.key") })],
    ["the certificate is none", () => material("first", { certificate: "junk" })],
    ["the key is none", () => material("first", { key: "junk" })],
    ["the CA is none", () => material("first", { clientCa: "junk", clientCertificate: "required" })],
    [
      "there is none",
      () => {
        throw new Error("no material");
      },
    ],
  ];
  test.each(faulty)("no connection stays counted, and the next one comes in, when %s", async (_what, broken) => {
    let now = broken;
    const settings = { connectionsMax: 3, connectionsPerAddressMax: 2 };
    await using rig = listen({ handle: sayOk, tls: () => now(), settings });
    for (let times = 0; times < 5; times++) {
      await turnedAway(rig.listener.port);
      await until("it is forgotten", () => rig.listener.counts().connections === 0);
    }
    expect(rig.listener.counts().refused).toBe(0);
    expect(rig.faults.length + rig.listener.counts().handshakesFailed).toBe(5);
    now = () => material("first");
    await using client = await RawClient.connect(rig.listener.port, TLS);
    client.send(GET);
    await client.says("ok /1");
  });

  test("a client's certificate is required: shown and verified it is told, else nobody comes in", async () => {
    const required = material("first", { clientCa: read("ca.crt"), clientCertificate: "required" });
    await using rig = listen({ handle: sayOk, tls: () => required });
    await using client = await RawClient.connect(rig.listener.port, of("client"));
    client.send(GET);
    await client.says("ok");
    const { certificate } = rig.exchanges[0]!.peer.tls!;
    expect(certificate?.subject).toBe("O=Acme\\, Inc,CN=client one");
    expect(certificate?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    for (const tls of [TLS, of("stranger")]) {
      await using other = await RawClient.connect(rig.listener.port, tls);
      other.send(GET);
      expect(await other.ended()).toBe("");
    }
    expect(rig.exchanges).toHaveLength(1);
    expect(rig.listener.counts().handshakesFailed).toBe(2);
  });

  test("a client's certificate is optional: without a verified one the client is nobody", async () => {
    const optional = material("first", { clientCa: read("ca.crt"), clientCertificate: "optional" });
    await using rig = listen({ handle: sayOk, tls: () => optional });
    for (const [at, tls] of [TLS, of("stranger"), of("client")].entries()) {
      await using client = await RawClient.connect(rig.listener.port, tls);
      client.send(GET);
      await client.says("ok");
      expect(rig.exchanges[at]!.peer.tls?.certificate !== undefined).toBe(at === 2);
    }
  });

  test("a handshake that is not finished in time, or is none, is no connection for long", async () => {
    await using rig = listen({ handle: sayOk, tls: () => material("first") });
    await using silent = await RawClient.connect(rig.listener.port);
    await using plain = await RawClient.connect(rig.listener.port);
    plain.send(GET);
    await plain.ended();
    await until("both were there", () => rig.listener.counts().accepted === 2);
    rig.clock.advance(11_000);
    await silent.ended();
    expect(rig.listener.counts()).toMatchObject({ connections: 0, requests: 0, handshakesFailed: 2 });
  });
});
