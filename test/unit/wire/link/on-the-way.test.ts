/** Somebody between the two nodes who changes bits: what the hand-shake lets through, and what TLS does. */
import { beforeAll, describe, expect, test } from "bun:test";
import type { Failure } from "../../../../src/base/errors.ts";
import { type CertifiedKey, makeAuthority, makeCertificate } from "../../../../src/wire/auth/index.ts";
import { seededEntropy } from "../../../support/auth.ts";
import { until } from "../../../support/until.ts";
import { openProxy } from "./proxy.ts";
import { failureOf, openNode } from "./support.ts";

const handlers = { echo: { request: (payload: unknown) => payload } };
const ports = { clock: { now: () => Date.now() }, entropy: seededEntropy(77) };

let authority: CertifiedKey;
let [alpha, beta, stranger]: CertifiedKey[] = [];

beforeAll(async () => {
  authority = await makeAuthority(ports);
  [alpha, beta] = [await certificate(authority, "alpha"), await certificate(authority, "beta")];
  stranger = await certificate(await makeAuthority(ports), "beta");
});

function certificate(by: CertifiedKey, name: string): Promise<CertifiedKey> {
  return makeCertificate(by, { name, hosts: [] }, ports);
}

const serving = (): Bun.TLSOptions => ({ ca: authority.cert, ...alpha!, requestCert: true, rejectUnauthorized: true });
const dialing = (own: CertifiedKey): Bun.TLSOptions => ({ ca: authority.cert, ...own });

describe("without TLS", () => {
  test("a bit flipped anywhere in the token, the nonce or the version makes no link", async () => {
    await using node = openNode("node", { handlers });
    await using a = openNode("a");
    using probe = openProxy(node.address);
    const audiences = [`127.0.0.1:${probe.address.port}`];
    // The dialer's request as it is, to know where its parts stand.
    let text = "";
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, bytes) {
          text += bytes.toString("latin1");
          socket.end();
        },
      },
    });
    await failureOf(a.dial({ host: "127.0.0.1", port: listener.port }));
    listener.stop(true);
    const places = ["authorization: Bearer ", "link-nonce: ", "link-version: "].flatMap((name) => {
      const from = text.toLowerCase().indexOf(name.toLowerCase()) + name.length;
      const to = text.indexOf("\r\n", from);
      return Array.from({ length: Math.ceil((to - from) / 5) }, (_, step) => from + step * 5);
    });
    expect(places.length).toBeGreaterThan(20);
    await using target = openNode("target", { handlers, audiences: () => audiences });
    for (const place of places) {
      using proxy = openProxy(target.address);
      audiences[0] = `127.0.0.1:${proxy.address.port}`;
      proxy.flipUpAt = place;
      const { code } = await failureOf(a.dial(proxy.address));
      expect(["link.refused", "link.unreachable", "link.unproven", "link.closed"]).toContain(code);
      expect(target.accepted).toHaveLength(0);
    }
    await until("nothing to be left", () => target.served.counts().halfOpen === 0);
    using proxy = openProxy(target.address);
    audiences[0] = `127.0.0.1:${proxy.address.port}`;
    expect(await (await a.dial(proxy.address)).request("echo", "unchanged")).toBe("unchanged");
  });
});

describe("with TLS", () => {
  test("a link works when both sides show a certificate of the authority", async () => {
    await using node = openNode("node", { handlers, tls: serving() });
    await using a = openNode("a");
    const link = await a.dial(node, { tls: dialing(beta!) });
    expect(await link.request("echo", new Uint8Array(300_000))).toEqual(new Uint8Array(300_000));
  });

  test("connectLink() fails when either certificate is missing or of another authority", async () => {
    await using node = openNode("node", { handlers, tls: serving() });
    await using a = openNode("a");
    const failures: Failure[] = [];
    failures.push(await failureOf(a.dial(node)));
    failures.push(await failureOf(a.dial(node, { tls: { ca: authority.cert } })));
    failures.push(await failureOf(a.dial(node, { tls: dialing(stranger!) })));
    failures.push(await failureOf(a.dial(node, { tls: beta! })));
    for (const { code } of failures) expect(code).toBe("link.unreachable");
    expect(node.accepted).toHaveLength(0);
    expect(node.auth.given).toHaveLength(0);
  });

  test("a bit flipped on an open link ends it, and nothing changed is ever given on", async () => {
    const heard: unknown[] = [];
    const note = { notify: (payload: unknown) => void heard.push(payload) };
    const audiences: string[] = [];
    await using node = openNode("node", {
      handlers: { ...handlers, note },
      tls: serving(),
      audiences: () => audiences,
    });
    await using a = openNode("a");
    for (const direction of ["up", "down"] as const) {
      using proxy = openProxy(node.address);
      audiences[0] = `127.0.0.1:${proxy.address.port}`;
      const link = await a.dial(proxy.address, { tls: dialing(beta!) });
      expect(await link.request("echo", 1)).toBe(1);
      if (direction === "up") proxy.flipUpAt = proxy.passed.up + 20;
      else proxy.flipNextDown = true;
      if (direction === "up") link.notify("note", "x".repeat(100));
      const answer = await failureOf(link.request("echo", "x".repeat(100)));
      expect(answer.code).toBe("link.closed");
      expect((await link.closed).isGraceful).toBe(false);
    }
    expect(heard).toEqual([]);
  });
});
