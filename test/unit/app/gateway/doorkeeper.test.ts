import { describe, expect, test } from "bun:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { openDoorkeeper } from "../../../../src/app/gateway/doorkeeper.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { refusalOf } from "../../../../src/edge/gateway/core/failures.ts";
import type { RequestHead } from "../../../../src/wire/http/index.ts";
import { planOf } from "../../edge/gateway/core/rig.ts";

const PEER = { address: "192.0.2.7", port: 4_000 };
const [ROUTE] = planOf("route|all|/*|http://127.0.0.1:1|auth=token").routes;

/** What the doorkeeper says of a request with these fields, and what it has shown to whoever knows tokens. */
function check(...headers: string[]) {
  const shown: (string | null)[] = [];
  const doorkeeper = openDoorkeeper({
    settings: { jwks: undefined, jwtIssuer: undefined, jwtAudience: undefined },
    nowMs: () => 0,
    warn: () => expect.unreachable("all is well"),
    authenticate: (request) => {
      shown.push(request.headers.get("authorization"));
      if (shown[0] !== "Bearer good") throw new Failure("rpc.unauthenticated", "no token");
      return { name: "ann", access: "operate" };
    },
  });
  const head = { method: "GET", target: "/", scheme: "http", authority: "a", headers, version: "1.1" } as const;
  return { found: doorkeeper.check(ROUTE!, head, PEER, PEER.address), shown };
}

describe("openDoorkeeper() with auth=token", () => {
  test("check() shows the field as it is written, once", () => {
    const { found, shown } = check("accept", "*/*", "authorization", "Bearer good");
    expect(found).toMatchObject({ name: "ann" });
    expect(shown).toEqual(["Bearer good"]);
  });

  test("check() asks nobody when there is no field, or when there are two", () => {
    for (const headers of [[], ["authorization", "Bearer good", "authorization", "Bearer good"]]) {
      const { found, shown } = check(...headers);
      expect((found as Failure).code).toBe("gateway.unauthenticated");
      expect(shown).toEqual([]);
    }
  });

  test("check() says gateway.unauthenticated when the token is not known", () => {
    expect((check("authorization", "Basic good").found as Failure).code).toBe("gateway.unauthenticated");
  });
});

describe("openDoorkeeper() with scopes", () => {
  const wanting = (...scopes: string[]) => ({ ...ROUTE!, options: { ...ROUTE!.options, scopes } });

  for (const [own, wanted, isEnough] of [
    [["accounts.balance"], ["accounts.balance"], true],
    [["accounts"], ["accounts.balance", "accounts.list"], true],
    [["*"], ["accounts.balance", "orders"], true],
    [["accounts"], ["accounts.balance", "orders"], false],
    [["accounts.balance"], ["accounts"], false],
    [[], ["accounts"], false],
  ] as const)
    test(`check() ${isEnough ? "lets in" : "refuses"} a token with ${own.join(", ") || "none"} where ${wanted.join(" and ")} are wanted`, () => {
      const doorkeeper = openDoorkeeper({
        settings: { jwks: undefined, jwtIssuer: undefined, jwtAudience: undefined },
        nowMs: () => 0,
        warn: () => expect.unreachable("all is well"),
        authenticate: () => ({ name: "ann", access: "read", scopes: [...own] }),
      });
      const headers = ["authorization", "Bearer good"];
      const head = { method: "GET", target: "/", scheme: "http", authority: "a", headers, version: "1.1" } as const;
      const found = doorkeeper.check(wanting(...wanted), head, PEER, PEER.address);
      expect(found instanceof Failure ? found.code : "in").toBe(isEnough ? "in" : "gateway.forbidden");
    });
});

describe("openDoorkeeper() with auth=mtls", () => {
  const doorkeeper = openDoorkeeper({
    settings: { jwks: undefined, jwtIssuer: undefined, jwtAudience: undefined },
    nowMs: () => 0,
    warn: () => expect.unreachable("all is well"),
    authenticate: () => expect.unreachable("no token is looked at"),
  });
  const route = { ...ROUTE!, options: { ...ROUTE!.options, auth: "mtls" as const } };
  const head: RequestHead = {
    ...{ method: "GET", target: "/", scheme: "https", authority: "a", headers: [], version: "1.1" },
  };

  test("check() says that a certificate is required, which no token can mend, when none was shown", () => {
    const found = doorkeeper.check(route, head, PEER, PEER.address) as Failure;
    expect([found.code, refusalOf(found)]).toMatchObject([
      "gateway.certificate_required",
      { status: 403, detail: "a client certificate is required" },
    ]);
  });
});

describe("openDoorkeeper() with auth=jwt", () => {
  test("check() says that keys cannot be had when whoever has them does not give them, and warns: the token is not to blame", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const signed = (key: CryptoKey, expires = 60) =>
      new SignJWT({ sub: "ann", exp: expires }).setProtectedHeader({ alg: "ES256", kid: "1" }).sign(key);
    const good = await signed(privateKey);
    const bad = await signed((await generateKeyPair("ES256")).privateKey);
    const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "1" }] };
    const route = { ...ROUTE!, options: { ...ROUTE!.options, auth: "jwt" as const, scopes: [] as string[] } };
    let reply: () => Response = () => new Response("down", { status: 503 });
    await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => reply() });
    const jwks = `http://127.0.0.1:${server.port}/keys`;
    const warned: string[] = [];
    const doorkeeper = openDoorkeeper({
      settings: { jwks, jwtIssuer: undefined, jwtAudience: undefined },
      nowMs: () => 0,
      warn: (text) => warned.push(text),
      authenticate: () => expect.unreachable("no token of the cluster"),
    });
    const codeFor = async (token: string) => {
      const headers = ["authorization", `Bearer ${token}`];
      const head = { method: "GET", target: "/", scheme: "http", authority: "a", headers, version: "1.1" } as const;
      const found = await doorkeeper.check(route, head, PEER, PEER.address);
      return found instanceof Failure ? `${found.code} ${refusalOf(found).status}` : found.name;
    };
    for (const broken of [reply, () => new Response("no JSON"), () => Response.json({})]) {
      reply = broken;
      expect(await codeFor(good)).toBe("gateway.keys_unavailable 503");
    }
    expect([warned.length, warned[0]]).toEqual([3, expect.stringContaining(jwks)]);
    reply = () => Response.json(keys);
    expect(await codeFor(good)).toBe("ann");
    const claiming = await new SignJWT({ sub: "ann", exp: 60, scope: "a b" })
      .setProtectedHeader({ alg: "ES256", kid: "1" })
      .sign(privateKey);
    route.options.scopes = ["b", "a"];
    expect(await codeFor(claiming)).toBe("ann");
    route.options.scopes = ["b", "c"];
    expect(await codeFor(claiming)).toBe("gateway.forbidden 403");
    route.options.scopes = [];
    for (const token of [bad, "a.b.c", "x", await signed(privateKey, -60)])
      expect(await codeFor(token)).toBe("gateway.unauthenticated 401");
    expect(warned.length).toBe(3);
  });
});
