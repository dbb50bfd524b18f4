/** Certificates, shown by real TLS hand-shakes on this machine: who gets in, who is refused, on either side. */
import { beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import {
  type CertifiedKey,
  certifiedName,
  checkCertificateRequest,
  isIssuedBy,
  isNodeName,
  makeAuthority,
  makeCertificate,
} from "../../../../src/wire/auth/index.ts";
import { codeOf, SetClock, seededEntropy } from "../../../support/auth.ts";

const DAY_MS = 24 * 60 * 60_000;

let seeds = 3000;
/** Certificates are made for now: TLS itself asks the machine's clock. */
const ports = (clock = new SetClock(Date.now())) => ({ clock, entropy: seededEntropy(seeds++) });

let ours: CertifiedKey;
let theirs: CertifiedKey;
let server: CertifiedKey;
let client: CertifiedKey;
let stranger: CertifiedKey;
let pretended: CertifiedKey;

beforeAll(async () => {
  [ours, theirs] = [await makeAuthority(ports()), await makeAuthority(ports())];
  server = await makeCertificate(ours, { name: "alpha", hosts: ["alpha.example.org", "10.1.2.3", "fd00::1"] }, ports());
  client = await makeCertificate(ours, { name: "beta", hosts: [] }, ports());
  stranger = await makeCertificate(theirs, { name: "beta", hosts: [] }, ports());
  pretended = await makeCertificate({ cert: ours.cert, key: theirs.key }, { name: "beta", hosts: [] }, ports());
});

describe("makeAuthority() and makeCertificate()", () => {
  test("makeCertificate() makes what is needed of a node and nothing more", () => {
    const certificate = new X509Certificate(server.cert);
    expect(certifiedName(certificate)).toBe("alpha");
    expect(certificate.ca).toBe(false);
    expect([...(certificate.keyUsage ?? [])].sort()).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]); // server and client
    expect(certificate.subjectAltName).toBe(
      "DNS:alpha, DNS:alpha.example.org, IP Address:10.1.2.3, IP Address:FD00:0:0:0:0:0:0:1, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(server.key).toStartWith("-----BEGIN PRIVATE KEY-----\n");
  });

  test("makeAuthority() makes an authority that may sign nodes and no other authority", async () => {
    const { BasicConstraintsExtension, X509Certificate: Certificate } = await import("@peculiar/x509");
    const constraints = new Certificate(ours.cert).getExtension(BasicConstraintsExtension);
    expect(constraints).toMatchObject({ ca: true, pathLength: 0, critical: true });
    expect(new X509Certificate(ours.cert).ca).toBe(true);
  });

  test("isIssuedBy() is true for nodes of that authority only", () => {
    expect(isIssuedBy(server.cert, ours.cert)).toBe(true);
    expect(isIssuedBy(stranger.cert, ours.cert)).toBe(false);
    expect(isIssuedBy(pretended.cert, ours.cert)).toBe(false); // names our authority, signed by another
    expect(isIssuedBy(ours.cert, ours.cert)).toBe(false); // an authority is no node
  });

  test("makeCertificate() is valid from a little before now, as long as asked, and never longer than its authority", async () => {
    const clock = new SetClock(Date.UTC(2030, 0, 1));
    const authority = await makeAuthority(ports(clock));
    const validity = async (days?: number): Promise<number> => {
      const request = { name: "a", hosts: [], ...(days !== undefined && { days }) };
      const { cert } = await makeCertificate(authority, request, ports(clock));
      const { validFromDate, validToDate } = new X509Certificate(cert);
      expect(validFromDate.getTime()).toBe(clock.ms - 5 * 60_000);
      return (validToDate.getTime() - clock.ms) / DAY_MS;
    };
    expect(await validity()).toBe(365);
    expect(await validity(2)).toBe(2);
    const untilMs = new X509Certificate(authority.cert).validToDate.getTime();
    expect((untilMs - clock.ms) / DAY_MS).toBe(3652);
    clock.ms = untilMs - DAY_MS;
    expect(await validity(30)).toBe(1);
  });

  test("checkCertificateRequest() refuses names, hosts and days that make no certificate", async () => {
    const request = { name: "alpha", hosts: ["10.0.0.1", "::1", "a", "a-b.example.org", "*.example.org", "node_1"] };
    checkCertificateRequest({ ...request, days: 1 });
    const wrong: readonly object[] = [
      ...["", ".a", "-a", "a/b", "../a", "a b", "a@b", "a,b", "ä", "x".repeat(64)].map((name) => ({ name })),
      ...[
        "",
        "a:80",
        "10.0.0.1:80",
        "a b",
        "-a",
        "a..b",
        "http://a",
        "ä.example",
        "0.0.0.0",
        "::",
        "0::0",
        "::ffff:0.0.0.0",
        ...["0", "0.0", "000.0.0.0", "0x0", "127.1", "127.300.1.1", "10.0.0.256"],
        "x".repeat(254),
      ].map((host) => ({
        hosts: [host],
      })),
      ...[0, -1, 1.5, 3653, Number.NaN].map((days) => ({ days })),
      { hosts: Array.from({ length: 65 }, (_, at) => `h${at}`) },
    ];
    for (const each of wrong) {
      expect(await codeOf(() => checkCertificateRequest({ ...request, ...each }))).toBe("auth.certificate_request");
      await expect(makeCertificate(ours, { ...request, ...each }, ports())).rejects.toThrow();
    }
    expect(isNodeName("alpha-1.x_y")).toBe(true);
  });

  test("certifiedName() refuses a certificate that names no node", async () => {
    expect(await codeOf(() => certifiedName(new X509Certificate(ours.cert)))).toBe("auth.certificate");
  });
});

interface Side {
  readonly own?: CertifiedKey | undefined;
  readonly ca: string;
}

/** A mutual hand-shake and a request, by name or address. What the server answered, or "refused" and whether it was asked. */
async function meet(serverSide: Side, clientSide: Side, host: string): Promise<string> {
  let asked = 0;
  using listening = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...tlsOf(serverSide), requestCert: true, rejectUnauthorized: true },
    fetch: () => {
      asked++;
      return new Response("hello");
    },
  });
  try {
    const tls = { ...tlsOf(clientSide), rejectUnauthorized: true };
    const reply = await fetch(`https://${host}:${listening.port}/`, { tls, keepalive: false });
    return await reply.text();
  } catch {
    return asked === 0 ? "refused" : "refused after it was served";
  }
}

function tlsOf({ own, ca }: Side) {
  return { ca, ...(own && { cert: own.cert, key: own.key }) };
}

describe("a hand-shake", () => {
  test("two nodes of one authority meet, by the addresses that their certificates are for", async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      expect(await meet({ own: server, ca: ours.cert }, { own: client, ca: ours.cert }, host)).toBe("hello");
    }
  });

  test("a server refuses a client of another authority, and one without a certificate", async () => {
    for (const own of [stranger, pretended]) {
      expect(await meet({ own: server, ca: ours.cert }, { own, ca: ours.cert }, "127.0.0.1")).toBe("refused");
    }
    expect(await meet({ own: server, ca: ours.cert }, { ca: ours.cert }, "127.0.0.1")).toBe("refused");
  });

  test("a client refuses a server of another authority", async () => {
    expect(await meet({ own: stranger, ca: ours.cert }, { own: client, ca: ours.cert }, "127.0.0.1")).toBe("refused");
  });

  test("a node's certificate makes no nodes: what it signs is refused on either side", async () => {
    const minted = await makeCertificate(client, { name: "alpha", hosts: [] }, ports());
    expect(isIssuedBy(minted.cert, ours.cert)).toBe(false);
    const chain = { cert: minted.cert + client.cert, key: minted.key };
    expect(await meet({ own: chain, ca: ours.cert }, { own: client, ca: ours.cert }, "127.0.0.1")).toBe("refused");
    expect(await meet({ own: server, ca: ours.cert }, { own: chain, ca: ours.cert }, "127.0.0.1")).toBe("refused");
  });

  test("a client refuses a certificate that has ended", async () => {
    const past = ports(new SetClock(Date.now() - 10 * DAY_MS));
    const ended = await makeCertificate(ours, { name: "alpha", hosts: [], days: 5 }, past);
    expect(await meet({ own: ended, ca: ours.cert }, { own: client, ca: ours.cert }, "127.0.0.1")).toBe("refused");
  });

  test("a socket is authorized by a node's certificate and by no other", async () => {
    expect(await authorized(client)).toBe(true);
    expect(await authorized(stranger)).toBe(false);
    expect(await authorized(undefined)).toBe(false);
  });
});

/** What a raw TLS listener says of the client, when it lets everybody in and looks afterwards. */
async function authorized(own: CertifiedKey | undefined): Promise<boolean> {
  const told = Promise.withResolvers<boolean>();
  const listening = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...tlsOf({ own: server, ca: ours.cert }), requestCert: true, rejectUnauthorized: false },
    socket: { handshake: (socket) => told.resolve(socket.authorized), data() {} },
  });
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: listening.port,
    tls: tlsOf({ own, ca: ours.cert }),
    socket: { data() {} },
  });
  try {
    return await told.promise;
  } finally {
    socket.end();
    listening.stop(true);
  }
}
