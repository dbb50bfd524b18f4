/** Connections of proxies that say first whom they are for: plain and with TLS, counted by client, refused without a header. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { CarriedTls, type SocketEars } from "../../../../../src/edge/gateway/listener/carried-tls.ts";
import type { RuntimeSocket } from "../../../../../src/edge/gateway/listener/socket-port.ts";
import { TlsServer } from "../../../../../src/edge/gateway/listener/tls.ts";
import { until } from "../../../../support/until.ts";
import { listen, RawClient, SETTINGS, sayOk } from "./rig.ts";

const HERE = { settings: { proxyProtocol: ["127.0.0.0/8"] } };
const HEADER = "PROXY TCP4 192.0.2.7 10.0.0.1 4660 80^";
const GET = "GET /1 HTTP/1.1^Host: a^^";

describe("a plain listener with proxy_protocol", () => {
  test("openListener() takes the client from the header when it comes with the request, in pieces, or before it", async () => {
    await using rig = listen({ ...HERE, handle: sayOk });
    for (const pieces of [[HEADER + GET], [...(HEADER + GET)], [HEADER, GET]]) {
      await using client = await RawClient.connect(rig.listener.port);
      for (const piece of pieces) client.send(piece);
      await client.says("200 OK");
    }
    expect(rig.exchanges.map(({ peer }) => peer)).toEqual(Array(3).fill({ address: "192.0.2.7", port: 4_660 }));
    await until("all are gone", () => rig.listener.counts().connections === 0);
  });

  test("openListener() takes the proxy for the client when the header says nothing of one", async () => {
    await using rig = listen({ ...HERE, handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(`PROXY UNKNOWN^${GET}`);
    await client.says("200 OK");
    expect(rig.exchanges[0]!.peer.address).toBe("127.0.0.1");
  });

  test("openListener() closes the connection when no header comes, or a bad one", async () => {
    await using rig = listen({ ...HERE, handle: sayOk });
    for (const bytes of [GET, `PROXY TCP4 1.1.1.1 1.1.1.1 1 99999^${GET}`, `${HEADER.toLowerCase()}${GET}`]) {
      await using client = await RawClient.connect(rig.listener.port);
      client.send(bytes);
      await until("it is closed", () => client.isClosed);
      expect(client.text).toBe("");
    }
    await using silent = await RawClient.connect(rig.listener.port);
    silent.send("PROX");
    await until("it is there", () => rig.listener.counts().connections === 1);
    rig.clock.advance(10_100);
    await until("it is closed", () => silent.isClosed);
    expect(rig.faults.map(({ failure }) => failure.code)).toEqual(Array(4).fill("gateway.proxy_header"));
    expect([rig.exchanges.length, rig.listener.counts().connections]).toEqual([0, 0]);
  });

  test("openListener() reads no header of anybody else", async () => {
    await using rig = listen({ settings: { proxyProtocol: ["10.0.0.0/8"] }, handle: sayOk });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(HEADER + GET);
    await client.says("400 Bad Request");
    expect(rig.exchanges).toHaveLength(0);
  });

  test("openListener() counts connections by client, not by proxy", async () => {
    await using rig = listen({ settings: { ...HERE.settings, connectionsPerAddressMax: 1 }, handle: sayOk });
    await using first = await RawClient.connect(rig.listener.port);
    await using second = await RawClient.connect(rig.listener.port);
    await using third = await RawClient.connect(rig.listener.port);
    first.send(HEADER + GET);
    await first.says("200 OK");
    second.send(HEADER.replace("192.0.2.7", "192.0.2.8") + GET);
    await second.says("200 OK");
    third.send(HEADER + GET);
    await third.says("503 Service Unavailable");
    first.cut();
    second.cut();
    third.cut();
    await until("all are gone", () => rig.listener.counts().connections === 0);
    await using again = await RawClient.connect(rig.listener.port);
    again.send(HEADER + GET);
    await again.says("200 OK");
  });

  test("reload() changes whose headers are read for connections from then on", async () => {
    await using rig = listen({ handle: sayOk });
    rig.listener.reload({ ...SETTINGS, ...HERE.settings });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(HEADER + GET);
    await client.says("200 OK");
    expect(rig.exchanges[0]!.peer.address).toBe("192.0.2.7");
  });
});

describe("a TLS listener with proxy_protocol", () => {
  let folder = "";
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const material = () => ({ certificate: read("a.crt"), key: read("a.key"), clientCertificate: "none" as const });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "listener-proxy-"));
    certify("a", "/CN=a");
    certify("ca", "/CN=ca");
    certify("client", "/CN=client one", "-CA", "ca.crt", "-CAkey", "ca.key");
  });

  function certify(name: string, subject: string, ...signer: string[]): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
    const words = ["-x509", ...key, "-days", "2", "-subj", subject, "-out", `${name}.crt`, ...signer];
    const { exitCode, stderr } = Bun.spawnSync(["openssl", "req", ...words], { cwd: folder });
    if (exitCode !== 0) throw new Error(stderr.toString());
  }

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function behindHeader(port: number, options: ConnectionOptions = {}): Promise<[Socket, TLSSocket]> {
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    socket.write(HEADER.replace("^", "\r\n"));
    const tls = connectTls({ socket, rejectUnauthorized: false, servername: "a.example", ...options });
    await once(tls, "secureConnect");
    return [socket, tls];
  }

  function listenTls(more: Parameters<typeof listen>[0] = {}) {
    const kept = material();
    return listen({ ...HERE, tls: () => kept, handle: sayOk, ...more });
  }

  test("openListener() shakes hands behind the header, and knows client and name", async () => {
    await using rig = listenTls();
    const [, tls] = await behindHeader(rig.listener.port);
    let text = "";
    tls.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
    });
    tls.write(GET.replaceAll("^", "\r\n"));
    await until("it is answered", () => text.includes("200 OK"));
    const { peer, request } = rig.exchanges[0]!;
    expect([peer.address, peer.tls?.serverName, request.scheme]).toEqual(["192.0.2.7", "a.example", "https"]);
    tls.destroy();
    await until("it is gone", () => rig.listener.counts().connections === 0);
  });

  test("openListener() speaks HTTP/2 behind the header when both offer it", async () => {
    await using rig = listenTls();
    const [, tls] = await behindHeader(rig.listener.port, { ALPNProtocols: ["h2"] });
    const session = connectHttp2("https://a.example", { createConnection: () => tls });
    const stream = session.request({ ":path": "/2" });
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    expect([head[":status"], rig.exchanges[0]!.peer.tls?.alpn]).toEqual([200, "h2"]);
    session.destroy();
  });

  test("openListener() sends a large reply whole when the client takes it late", async () => {
    const size = 3 * 1024 * 1024;
    await using rig = listenTls({
      handle: (exchange) => exchange.send({ status: 200, headers: [] }, new Uint8Array(size).fill(120)),
    });
    const [, tls] = await behindHeader(rig.listener.port);
    tls.write(GET.replaceAll("^", "\r\n"));
    tls.pause();
    await until("it replies", () => rig.exchanges.length === 1);
    let got = 0;
    tls.on("data", (bytes: Buffer) => {
      got += bytes.byteLength;
    });
    tls.resume();
    await until("all has come", () => got > size);
    tls.destroy();
    await until("it is gone", () => rig.listener.counts().connections === 0);
  });

  test("openListener() lets go of a connection behind its last reply, which comes whole to a client that reads it later", async () => {
    const size = 1_000_000;
    await using rig = listenTls({
      handle: (exchange) => exchange.send({ status: 200, headers: [] }, new Uint8Array(size).fill(120)),
    });
    const [socket, tls] = await behindHeader(rig.listener.port);
    tls.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    socket.pause();
    tls.pause();
    await until("the connection was let go", () => {
      rig.clock.advance(rig.exchanges.length === 0 ? 0 : 500);
      return rig.listener.counts().connections === 0;
    });
    let [got, isEnded] = [0, false];
    tls.on("data", (bytes: Buffer) => {
      got += bytes.byteLength;
    });
    tls.on("end", () => {
      isEnded = true;
    });
    tls.resume();
    socket.resume();
    await until("the end has come", () => isEnded);
    expect(got).toBeGreaterThan(size);
  });

  /** TLS over a socket that is none: what is asked of it is kept, what is written reaches a client while it takes. */
  async function carried() {
    const asked: string[] = [];
    let takes = true;
    const between = new Duplex({
      read() {},
      write(bytes: Buffer, _encoding, written) {
        over.received(bytes);
        written();
      },
    });
    const note = (what: string) => () => void asked.push(what);
    const raw: RuntimeSocket = {
      write(bytes) {
        if (takes) between.push(Buffer.from(bytes));
        return takes ? bytes.byteLength : 0;
      },
      ...{ pause() {}, resume() {} },
      ...{ shutdown: note("shutdown"), end: note("end"), terminate: note("terminate") },
    };
    const server = new TlsServer(material, false);
    const over = new CarriedTls(raw, (below) => server.over(below));
    const heard: string[] = [];
    const above: SocketEars = {
      received: (bytes) => void heard.push(Buffer.from(bytes).toString()),
      ...{ drained() {}, ended: () => void heard.push("ended"), closed: () => void heard.push("closed"), broke() {} },
    };
    over.start(above, new Uint8Array(0), () => void heard.push("shaken"));
    const client = connectTls({ socket: between as Socket, rejectUnauthorized: false });
    client.on("error", () => {}); // a cut is a close like any other here
    await until("it is shaken", () => heard.includes("shaken"));
    const stop = (): void => {
      takes = false;
    };
    return { asked, client, heard, over, stop };
  }

  test("CarriedTls.end() closes the socket behind the client's end, and at once when it takes nothing", async () => {
    const first = await carried();
    first.client.end("bye");
    await until("it has ended", () => first.heard.includes("ended"));
    expect(first.heard).toEqual(["shaken", "bye", "ended"]);
    first.over.end();
    await until("it is closed", () => first.asked.includes("terminate"));
    const stuck = await carried();
    stuck.stop();
    expect(stuck.over.write(new Uint8Array(10))).toBe(10);
    await until("it takes no more", () => stuck.over.write(new Uint8Array(1_000_000)) < 1_000_000);
    stuck.over.end();
    expect(stuck.asked).toContain("terminate");
  });

  test("CarriedTls.shutdown() closes its half only", async () => {
    const { asked, over } = await carried();
    over.shutdown();
    await until("its half is closed", () => asked.length > 0);
    expect(asked[0]).toBe("shutdown");
    over.terminate();
    expect(asked).toContain("terminate");
    expect(over.write(new Uint8Array(1))).toBe(-1);
  });

  test("openListener() turns away who speaks no TLS behind the header", async () => {
    await using rig = listenTls();
    await using plain = await RawClient.connect(rig.listener.port);
    plain.send(HEADER + GET);
    await until("it is closed", () => plain.isClosed);
    expect(rig.listener.counts()).toMatchObject({ connections: 0, handshakesFailed: 1 });
    expect(rig.exchanges).toHaveLength(0);
  });

  test("openListener() lets only clients with a verified certificate in behind the header when one is required", async () => {
    const kept = { ...material(), clientCa: read("ca.crt"), clientCertificate: "required" as const };
    await using rig = listenTls({ tls: () => kept });
    const shown = (name: string) => ({ cert: read(`${name}.crt`), key: read(`${name}.key`) });
    for (const options of [{}, shown("a")]) {
      const socket = connect({ host: "127.0.0.1", port: rig.listener.port });
      socket.on("error", () => {}); // a cut is a close like any other here
      await once(socket, "connect");
      socket.write(HEADER.replace("^", "\r\n"));
      const tls = connectTls({ socket, rejectUnauthorized: false, ...options });
      tls.on("error", () => {});
      tls.write(GET.replaceAll("^", "\r\n"));
      await new Promise((resolve) => tls.on("close", resolve));
    }
    expect(rig.exchanges).toHaveLength(0);
    expect(rig.faults.map(({ failure }) => failure.code)).toEqual(Array(2).fill("gateway.client_certificate"));
    const [, tls] = await behindHeader(rig.listener.port, shown("client"));
    tls.write(GET.replaceAll("^", "\r\n"));
    await until("it is asked", () => rig.exchanges.length === 1);
    expect(rig.exchanges[0]!.peer.tls?.certificate?.subject).toBe("CN=client one");
    tls.destroy();
  });
});
