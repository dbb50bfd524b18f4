/** TLS towards upstreams: who is believed, who we are, and what is spoken. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSOptions } from "bun";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import type { UpstreamTls } from "../../../../../src/edge/gateway/words/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { answering, ask, OK, openServer, type RawServer } from "./rig.ts";

let folder = "";

function read(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

function openssl(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

function certify(name: string, signer: string | undefined, names: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  const subject = ["-subj", `/CN=${name}`];
  if (signer === undefined) return openssl("req", "-x509", ...key, ...subject, "-out", `${name}.crt`, "-days", "2");
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names}\n`);
  openssl("req", ...key, ...subject, "-out", `${name}.csr`);
  const signed = ["-CA", `${signer}.crt`, "-CAkey", `${signer}.key`, "-CAcreateserial", "-days", "2"];
  openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-out", `${name}.crt`, "-extfile", `${name}.ext`);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "upstream-tls-"));
  certify("ca", undefined, "");
  certify("stranger", undefined, "");
  certify("server", "ca", "DNS:up.example,IP:127.0.0.1");
  certify("client", "ca", "DNS:gateway.example");
});

afterAll(() => rmSync(folder, { recursive: true }));

function serve(more: TLSOptions & { readonly ALPNProtocols?: string } = {}): RawServer {
  return openServer({ ...answering(OK), tls: { cert: read("server.crt"), key: read("server.key"), ...more } });
}

function pools(): UpstreamPools {
  const resolve = async () => [{ address: "127.0.0.1", family: 4 as const, ttl: 60 }];
  return new UpstreamPools({ clock: new SteppedClock(), resolve });
}

/** What was heard, as `ok` or the failure's code. */
async function outcome(
  server: RawServer,
  host: string,
  tls: UpstreamTls | undefined,
  version?: "2",
): Promise<string | undefined> {
  const heard = await ask(pools(), server.port, { scheme: "https", host, tls, version }).done();
  return heard.failure?.code ?? heard.text;
}

describe("TLS", () => {
  test("ask() believes an upstream whose certificate the CA has signed for this name or address", async () => {
    using server = serve();
    const ca = read("ca.crt");
    expect(await outcome(server, "up.example", { ca })).toBe("ok");
    expect(await outcome(server, "127.0.0.1", { ca })).toBe("ok");
    expect(await outcome(server, "other.example", { ca, serverName: "up.example" })).toBe("ok");
  });

  test.each([
    ["nobody known has signed it", "up.example", () => undefined],
    ["another one has signed it", "up.example", () => ({ ca: read("stranger.crt") })],
    ["it is for another name", "other.example", () => ({ ca: read("ca.crt") })],
    ["another name is wanted", "up.example", () => ({ ca: read("ca.crt"), serverName: "other.example" })],
  ])("ask() sends nothing when %s", async (_, host, tls) => {
    using server = serve();
    expect(await outcome(server, host, tls())).toBe("gateway.connect_failed");
    expect(server.peers.map(({ text }) => text).join("")).toBe("");
  });

  test("ask() believes anybody only where it is told so", async () => {
    using server = serve();
    expect(await outcome(server, "other.example", { isUnverified: true })).toBe("ok");
    expect(await outcome(server, "other.example", { isUnverified: false })).toBe("gateway.connect_failed");
  });

  test("ask() shows its certificate to an upstream that wants one", async () => {
    using server = serve({ ca: read("ca.crt"), requestCert: true, rejectUnauthorized: true });
    const ca = read("ca.crt");
    const own = { certificate: read("client.crt"), key: read("client.key") };
    expect(await outcome(server, "up.example", { ca, ...own })).toBe("ok");
    const other = await outcome(server, "up.example", { ca });
    expect(["gateway.connect_failed", "gateway.upstream_closed"]).toContain(other!);
    expect(server.peers.filter(({ text }) => text !== "").length).toBe(1);
  });

  test("ask() never shares connections between identities", async () => {
    using server = serve();
    const upstreams = pools();
    const ca = read("ca.crt");
    const get = (tls: UpstreamTls) => ask(upstreams, server.port, { scheme: "https", host: "up.example", tls }).done();
    for (let each = 0; each < 2; each++) expect((await get({ ca })).text).toBe("ok");
    expect(server.peers.length).toBe(1);
    await get({ isUnverified: true });
    expect(server.peers.length).toBe(2);
    await get({ ca, certificate: read("client.crt"), key: read("client.key") });
    expect(server.peers.length).toBe(3);
    expect((await get({})).failure?.code).toBe("gateway.connect_failed");
  });

  test("ask() fails when HTTP/2 is wanted and the upstream does not agree to it", async () => {
    for (const more of [{ ALPNProtocols: "\x08http/1.1" }, {}]) {
      using server = serve(more);
      expect(await outcome(server, "up.example", { ca: read("ca.crt") }, "2")).toBe("gateway.connect_failed");
    }
  });

  test("ask() fails when the upstream speaks no TLS, and when its own material is none", async () => {
    using plain = openServer({ open: (peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n") });
    expect(await outcome(plain, "up.example", undefined)).toBe("gateway.connect_failed");
    using server = serve();
    expect(await outcome(server, "up.example", { ca: "garbage" })).toBe("gateway.connect_failed");
  });

  test("ask() fails when TLS does not come about in time", async () => {
    using silent = openServer({});
    const clock = new SteppedClock();
    const upstreams = new UpstreamPools({ clock });
    const timeouts = { connectMs: 1_000 };
    const heard = ask(upstreams, silent.port, { scheme: "https", timeouts });
    clock.advance(1_000);
    expect(heard.failure?.code).toBe("gateway.upstream_timeout");
    expect(upstreams.counts()).toMatchObject({ connecting: 0, connections: 0, waiting: 0 });
  });
});
