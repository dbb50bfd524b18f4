/** API tokens: what is issued, what is believed, and every way of forging one that has a name. */
import { describe, expect, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import fc from "fast-check";
import { SharedSecret, SigningKey, TOKEN_ROLES } from "../../../../src/edge/token/index.ts";
import { codeOf, failureOf, SetClock, seededEntropy } from "../../../support/auth.ts";
import { AUDIENCE, claimsAt, HOUR_MS, hmacSigned, nodeOf, part, readPart, signed, VIEWER } from "./support.ts";

const SECRET = "a shared secret of more than 32 bytes, drawn by nobody";

describe("issue() and verify()", () => {
  test("verify() tells who speaks with which role and scopes when the token is of this node", async () => {
    const { clock, tokens } = nodeOf();
    const asked = {
      subject: "billing",
      role: "service",
      scopes: ["users.get", "orders"],
      lifetimeMs: HOUR_MS,
    } as const;
    const { claims, token } = await tokens.issue(asked);
    expect(await tokens.verify(token)).toEqual(claims);
    expect(claims).toEqual({
      issuer: "alpha",
      subject: "billing",
      audiences: [AUDIENCE],
      role: "service",
      scopes: ["orders", "users.get"],
      tokenId: expect.stringMatching(/^[0-9a-f]{32}$/),
      issuedAtMs: clock.ms,
      notBeforeMs: clock.ms,
      expiresAtMs: clock.ms + HOUR_MS,
    });
  });

  test("issue() makes a JSON Web Token that names its key by the thumbprint", async () => {
    const { tokens } = nodeOf();
    const { token } = await tokens.issue(VIEWER);
    expect(readPart(token, 0)).toEqual({ alg: "EdDSA", typ: "JWT", kid: tokens.publicKeys()[0]!.kid });
    expect(Object.keys(readPart(token, 1)).sort()).toEqual(["aud", "exp", "iat", "iss", "jti", "nbf", "role", "sub"]);
    const { calculateJwkThumbprint, jwtVerify, importJWK } = await import("jose");
    const [jwk] = tokens.publicKeys();
    expect(await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x: jwk!.x })).toBe(jwk!.kid);
    const read = await jwtVerify(token, await importJWK({ ...jwk! }, "EdDSA"), {
      currentDate: new Date(Date.UTC(2030, 0, 1)),
    });
    expect(read.payload.sub).toBe("client-1");
  });

  test("verify() gives back what was issued when any subject, role, scopes and lifetime are asked for", async () => {
    const { tokens } = nodeOf();
    const name = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);
    const scope = fc.stringMatching(/^(\*|[a-z][a-z0-9_]{0,20}(\.[a-z][a-z0-9]{0,20})?)$/);
    const request = fc.record({
      subject: name,
      role: fc.constantFrom(...TOKEN_ROLES),
      scopes: fc.array(scope, { minLength: 1, maxLength: 8 }),
      lifetimeMs: fc.integer({ min: 1_000, max: 366 * 24 * HOUR_MS }),
    });
    await fc.assert(
      fc.asyncProperty(request, async (asked) => {
        const { claims, token } = await tokens.issue(asked);
        expect(await tokens.verify(token)).toEqual(claims);
        expect(claims).toMatchObject({ subject: asked.subject, role: asked.role });
        expect(claims.scopes).toEqual([...new Set(asked.scopes)].sort());
        const lifetimeMs = claims.expiresAtMs - claims.issuedAtMs;
        expect(lifetimeMs >= asked.lifetimeMs && lifetimeMs < asked.lifetimeMs + 1_000).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("issue() refuses what no verifier would take", async () => {
    const { tokens } = nodeOf();
    for (const wrong of [
      { subject: "" },
      { subject: "a b" },
      { subject: "ü" },
      { subject: "x".repeat(129) },
      { role: "service" },
      { scopes: ["users."] },
      { scopes: ["a.b.c"] },
      { scopes: Array.from({ length: 33 }, (_, at) => `s${at}`) },
      { lifetimeMs: 0 },
      { lifetimeMs: 367 * 24 * HOUR_MS },
      { lifetimeMs: Number.NaN },
    ] as const) {
      expect(await codeOf(() => tokens.issue({ ...VIEWER, ...wrong }))).toBe("auth.token_request");
    }
  });

  test("verify() takes a token as often as it comes, and looks at its signature once", async () => {
    const { tokens } = nodeOf();
    const { token } = await tokens.issue(VIEWER);
    expect(tokens.known(token)).toBeUndefined();
    await tokens.verify(token);
    for (let time = 0; time < 3; time++) await tokens.verify(token);
    expect(tokens.known(token)?.subject).toBe("client-1");
    expect(tokens.counts()).toMatchObject({ verified: 1, remembered: 4 });
  });
});

describe("verify() refuses", () => {
  test("a token of the algorithm none, with and without a signature", async () => {
    const { clock, tokens } = nodeOf();
    const kid = tokens.publicKeys()[0]!.kid;
    for (const alg of ["none", "None", "NONE"]) {
      const body = `${part({ alg, typ: "JWT", kid })}.${part(claimsAt(clock, { role: "admin" }))}`;
      for (const token of [`${body}.`, body, `${body}.AAAA`]) {
        expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_malformed");
      }
    }
  });

  test("HS256 under the public key's bytes, in whatever form somebody has them", async () => {
    for (const secret of [undefined, new SharedSecret(SECRET, "S")]) {
      const { clock, tokens } = nodeOf({ secret });
      const jwk = tokens.publicKeys()[0]!;
      const pem = createPublicKey({ key: { ...jwk }, format: "jwk" }).export({ format: "pem", type: "spki" });
      for (const key of [jwk.x, Buffer.from(jwk.x, "base64url"), JSON.stringify(jwk), pem as string]) {
        const token = hmacSigned(key, claimsAt(clock, { role: "admin" }), { kid: jwk.kid });
        expect(await codeOf(() => tokens.verify(token))).toBe(secret ? "auth.token_forged" : "auth.token_key");
      }
    }
  });

  test("EdDSA by somebody else's key under our key's id", async () => {
    const { clock, tokens } = nodeOf();
    const thief = SigningKey.generate(seededEntropy(66));
    const token = signed(thief, claimsAt(clock), { kid: tokens.publicKeys()[0]!.kid });
    expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_forged");
  });

  test("a token that brings its own key along, or says where to get one", async () => {
    const { clock, tokens } = nodeOf();
    const thief = SigningKey.generate(seededEntropy(66));
    const heads = [
      { jwk: thief.publicJwk },
      { x5c: ["MIIB"] },
      { jku: "http://evil.example/jwks" },
      { x5u: "http://evil.example/x5u" },
      { crit: ["b64"], b64: false },
    ];
    for (const head of heads) {
      expect(await codeOf(() => tokens.verify(signed(thief, claimsAt(clock), head)))).toBe("auth.token_malformed");
    }
  });

  test("key ids that are paths, objects, prototypes or nothing", async () => {
    const { clock, tokens } = nodeOf();
    const key = tokens.keys.first;
    for (const kid of ["../../etc/passwd", "__proto__", "", "' OR 1=1", 7, null, { x: 1 }, "constructor"]) {
      expect(await codeOf(() => tokens.verify(signed(key, claimsAt(clock), { kid })))).toBe("auth.token_malformed");
    }
    const token = signed(key, claimsAt(clock), { kid: undefined });
    expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_malformed");
  });

  test("a token of another cluster, of too long a life, expired, early, or without a claim", async () => {
    const { clock, tokens } = nodeOf();
    const now = clock.now() / 1000;
    const year = 366 * 24 * 3600;
    const wrong: readonly (readonly [object, string])[] = [
      [{ aud: "distributed_system/ffffffffffffffff" }, "auth.token_audience"],
      [{ aud: ["one", "two"] }, "auth.token_audience"],
      [{ exp: now + year + 10 }, "auth.token_lifetime"],
      [{ iat: now - 100, nbf: now - 100, exp: now - 31 }, "auth.token_expired"],
      [{ nbf: now + 31 }, "auth.token_early"],
      [{ iat: now + 31, exp: now + 90 }, "auth.token_early"],
      [{ nbf: "soon" }, "auth.token_malformed"],
      [{ exp: undefined }, "auth.token_malformed"],
      [{ exp: now - 1, iat: now }, "auth.token_malformed"],
      [{ role: "root" }, "auth.token_malformed"],
      [{ role: "service" }, "auth.token_malformed"],
      [{ scope: ["*"] }, "auth.token_malformed"],
      [{ scope: "a.b.c" }, "auth.token_malformed"],
      [{ jti: undefined }, "auth.token_malformed"],
      [{ sub: "" }, "auth.token_malformed"],
      [{ iss: 5 }, "auth.token_malformed"],
      [{ aud: [] }, "auth.token_malformed"],
      [{ iat: Number.MAX_VALUE }, "auth.token_malformed"],
    ];
    for (const [more, code] of wrong) {
      const token = signed(tokens.keys.first, claimsAt(clock, more));
      expect([more, await codeOf(() => tokens.verify(token))]).toEqual([more, code]);
    }
  });

  test("a token outside its times, and takes it within the 30 s that clocks may differ by", async () => {
    const { clock, tokens } = nodeOf();
    const { token } = await tokens.issue({ ...VIEWER, lifetimeMs: HOUR_MS });
    const atMs = clock.ms;
    for (const isWarm of [false, true]) {
      for (const [offMs, isGood] of [
        [-30_000, true],
        [-30_001, false],
        [HOUR_MS + 30_000, true],
        [HOUR_MS + 30_001, false],
      ] as const) {
        clock.ms = atMs + offMs;
        const node = isWarm ? tokens : nodeOf({ keys: tokens.keys, clock }).tokens;
        const outcome = await node.verify(token).then(
          () => true,
          () => false,
        );
        expect([isWarm, offMs, outcome]).toEqual([isWarm, offMs, isGood]);
      }
    }
  });

  test("any text that nobody signed, with a Failure and never a defect", async () => {
    const { clock, tokens } = nodeOf();
    const { token } = await tokens.issue(VIEWER);
    const [head, body, signature] = token.split(".") as [string, string, string];
    const mangled = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.json().map((text) => `${Buffer.from(text).toString("base64url")}.${body}.${signature}`),
      fc.json().map((text) => `${head}.${Buffer.from(text).toString("base64url")}.${signature}`),
      fc.nat(token.length - 1).map((at) => token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1)),
      fc.nat(token.length - 1).map((at) => token.slice(0, at)),
    );
    await fc.assert(
      fc.asyncProperty(mangled, async (text) => {
        if (text.split(".").slice(0, 2).join() === [head, body].join()) {
          const isSame = Buffer.from(text.split(".")[2] ?? "", "base64url").equals(Buffer.from(signature, "base64url"));
          if (isSame) return; // the last digit of base64 holds bits that nobody reads
        }
        expect(await codeOf(() => tokens.verify(text))).toMatch(/^auth\.token_(malformed|forged|key)$/);
      }),
      { numRuns: 100 },
    );
    expect(
      await codeOf(() => tokens.verify(signed(tokens.keys.first, claimsAt(clock, { pad: "x".repeat(8_000) })))),
    ).toBe("auth.token_malformed");
  });
});

describe("a shared secret", () => {
  test("lets nodes of different keys and clusters take each other's tokens, beside their own", async () => {
    const clock = new SetClock();
    const secret = new SharedSecret(SECRET, "S");
    const alpha = nodeOf({ secret, clock }).tokens;
    const beta = nodeOf({ secret: new SharedSecret(SECRET, "S"), seed: 2, clock, audiences: ["other"] }).tokens;
    const { token } = await alpha.issue(VIEWER);
    expect(readPart(token, 0).alg).toBe("HS256");
    expect((await beta.verify(token)).subject).toBe("client-1");
    const own = await nodeOf({ clock }).tokens.issue(VIEWER);
    expect((await alpha.verify(own.token)).subject).toBe("client-1");
  });

  test("takes tokens of an issuer that names no key, and none of another secret", async () => {
    const { clock, tokens } = nodeOf({ secret: new SharedSecret(SECRET, "S") });
    const claims = claimsAt(clock, { aud: "distributed_system" });
    expect((await tokens.verify(hmacSigned(SECRET, claims))).subject).toBe("x");
    expect(await codeOf(() => tokens.verify(hmacSigned(`${SECRET}!`, claims)))).toBe("auth.token_forged");
    expect(await codeOf(() => tokens.verify(hmacSigned(SECRET, claims, { kid: "hs-00000000" })))).toBe(
      "auth.token_key",
    );
    expect(await codeOf(() => nodeOf().tokens.verify(hmacSigned(SECRET, claims)))).toBe("auth.token_key");
    expect(await codeOf(() => tokens.verify(hmacSigned(SECRET, claims, { alg: "HS512" })))).toBe(
      "auth.token_malformed",
    );
  });

  test("SharedSecret() refuses what is short or typed, and never shows it", async () => {
    for (const text of ["your-production-secret-key", "", "x".repeat(31), "x".repeat(64), "abab".repeat(16)]) {
      const { code, message } = await failureOf(() => new SharedSecret(text, "P2P_JWT_SECRET"));
      expect(code).toBe("auth.jwt_secret_weak");
      expect(message).toContain("P2P_JWT_SECRET");
      if (text !== "") expect(message).not.toContain(text);
    }
    expect(JSON.stringify(new SharedSecret(SECRET, "S"))).not.toContain("shared");
  });
});

describe("rotation and revocation", () => {
  test("verify() takes tokens of the key before until that retires, then no longer, remembered or not", async () => {
    const { clock, tokens } = nodeOf();
    const { token } = await tokens.issue(VIEWER);
    await tokens.verify(token);
    const retiresMs = clock.ms + 10_000;
    tokens.rotate(tokens.keys.rotate(SigningKey.generate(seededEntropy(5)), clock.ms, retiresMs));
    expect((await tokens.verify(token)).subject).toBe("client-1");
    expect(tokens.publicKeys()).toHaveLength(2);
    clock.pass(10_000);
    expect(tokens.known(token)).toBeUndefined();
    expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_key");
    expect(tokens.publicKeys()).toHaveLength(1);
  });

  test("verify() refuses tokens of a key that is forgotten, also one that was being looked at meanwhile", async () => {
    const { clock, tokens } = nodeOf();
    const { token } = await tokens.issue(VIEWER);
    const looking = tokens.verify(token);
    tokens.rotate(tokens.keys.forgetOlder().rotate(SigningKey.generate(seededEntropy(5)), clock.ms, clock.ms));
    await looking.catch(() => {});
    expect(tokens.known(token)).toBeUndefined();
    expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_key");
  });

  test("verify() refuses a revoked token, remembered or not, until it would have ended", async () => {
    const { clock, tokens } = nodeOf();
    const { claims, token } = await tokens.issue(VIEWER);
    await tokens.verify(token);
    const { expiresAtMs, tokenId } = claims;
    expect(tokens.revoke([{ tokenId, expiresAtMs }])).toEqual([{ tokenId, expiresAtMs }]);
    expect(tokens.revoke([{ tokenId, expiresAtMs }])).toEqual([]);
    expect(tokens.known(token)).toBeUndefined();
    expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_revoked");
    clock.pass(expiresAtMs - clock.ms + 30_000);
    tokens.dropEnded();
    expect(tokens.revoked.list()).toEqual([]);
    clock.pass(1);
    expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_expired");
  });

  test("verify() refuses a token, remembered or not, when one of those that it came from is revoked", async () => {
    const { clock, tokens } = nodeOf();
    const { claims, token } = await tokens.issue({ ...VIEWER, parents: ["mother", "grandmother"] });
    expect(readPart(token, 1).parents).toEqual(["mother", "grandmother"]);
    expect(await tokens.verify(token)).toEqual(claims);
    tokens.revoke([{ tokenId: "grandmother", expiresAtMs: clock.ms + 1 }]);
    expect(tokens.known(token)).toBeUndefined();
    expect(await codeOf(() => tokens.verify(token))).toBe("auth.token_revoked");
    for (const parents of ["mother", [7], [""], Array.from({ length: 9 }, (_, at) => `t${at}`)]) {
      const odd = signed(tokens.keys.first, claimsAt(clock, { parents }));
      expect(await codeOf(() => tokens.verify(odd))).toBe("auth.token_malformed");
    }
  });

  test("revoke() remembers nothing that is no id, has ended, or is said to end in a thousand years", async () => {
    const { clock, tokens } = nodeOf();
    const year = 366 * 24 * HOUR_MS;
    expect(tokens.revoke([{ tokenId: "a b", expiresAtMs: clock.ms + 1 }])).toEqual([]);
    expect(tokens.revoke([{ tokenId: "a", expiresAtMs: clock.ms - 30_001 }])).toEqual([]);
    expect(tokens.revoke([{ tokenId: "b", expiresAtMs: Number.NaN }])).toEqual([]);
    const [kept] = tokens.revoke([{ tokenId: "c", expiresAtMs: clock.ms + 1_000 * year }]);
    expect(kept?.expiresAtMs).toBe(clock.ms + year);
  });

  test("revoke() fails when there is no room, rather than forget a revoked token", async () => {
    const { clock, tokens } = nodeOf();
    const list = Array.from({ length: 16_384 }, (_, at) => ({ tokenId: `t${at}`, expiresAtMs: clock.ms + 1 }));
    tokens.revoke(list);
    const more = [{ tokenId: "more", expiresAtMs: clock.ms + HOUR_MS }];
    expect(await codeOf(() => tokens.revoke(more))).toBe("auth.revocations_full");
    expect(tokens.revoked.has("t0")).toBe(true);
    clock.pass(30_002);
    expect(tokens.revoke(more)).toHaveLength(1);
  });
});
