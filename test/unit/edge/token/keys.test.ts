/** Keys: their ring and its text, those of other nodes, and who may grant what. */
import { describe, expect, test } from "bun:test";
import {
  ApiKeyRing,
  formatKeyRing,
  parseKeyRing,
  requireMayGrant,
  roleOf,
  SigningKey,
  type TOKEN_ROLES,
} from "../../../../src/edge/token/index.ts";
import { codeOf, failureOf, SetClock, seededEntropy } from "../../../support/auth.ts";
import { claimsAt, nodeOf, signed, VIEWER } from "./support.ts";

const AT_MS = Date.UTC(2030, 0, 1);

function keyOf(seed: number): SigningKey {
  return SigningKey.generate(seededEntropy(seed));
}

function ringOf(seed: number): ApiKeyRing {
  return ApiKeyRing.generate(seededEntropy(seed), AT_MS);
}

describe("ApiKeyRing", () => {
  test("parseKeyRing() gives back what formatKeyRing() wrote", () => {
    const ring = ringOf(1)
      .rotate(keyOf(2), AT_MS, AT_MS + 5_000)
      .rotate(keyOf(3), AT_MS, AT_MS + 9_000);
    const read = parseKeyRing(formatKeyRing(ring), "FILE");
    expect(read.sameAs(ring)).toBe(true);
    expect(read.first.id).toBe(keyOf(3).id);
    expect(read.find(keyOf(1).id, AT_MS + 4_999)).toBeDefined();
    expect(read.find(keyOf(1).id, AT_MS + 5_000)).toBeUndefined();
    expect(read.find(keyOf(2).id, AT_MS + 5_000)).toBeDefined();
  });

  test("parseKeyRing() refuses a file that is cut anywhere, and shows nothing of it", async () => {
    const text = formatKeyRing(ringOf(1).rotate(keyOf(2), AT_MS, AT_MS + 5_000));
    const secrets = [keyOf(1), keyOf(2)].map((key) => key.reveal().d);
    for (let end = 0; end < text.trimEnd().length; end++) {
      const failure = await failureOf(() => parseKeyRing(text.slice(0, end), "FILE"));
      expect(failure.code).toBe("auth.key_file");
      for (const secret of secrets) expect(failure.message).not.toContain(secret.slice(0, 8));
    }
  });

  test("parseKeyRing() refuses keys that are damaged, twice there, or all bytes the same", async () => {
    const { d } = keyOf(1).reveal();
    const text = formatKeyRing(ringOf(1));
    const weak = Buffer.alloc(32, 7).toString("base64url");
    const other = d.startsWith("A") ? `B${d.slice(1)}` : `A${d.slice(1)}`;
    for (const wrong of [
      text.replace(d, other),
      text.replace(d, weak),
      text.replace(d, d.slice(1)),
      text.replace('"version": 1', '"version": 2'),
      text.replace("distributed_system-api-keys", "x"),
      text.replace(/"created": ".*"/, '"created": "soon"'),
      text.replace(
        /\{\s+"kid"[^}]*\}/,
        (key) => `${key}, ${key.replace('"d"', '"retires": "2031-01-01T00:00:00Z", "d"')}`,
      ),
      "[]",
      "null",
      `${text}${" ".repeat(20_000)}`,
    ]) {
      expect(wrong).not.toBe(text);
      expect(await codeOf(() => parseKeyRing(wrong, "FILE"))).toBe("auth.key_file");
    }
  });

  test("rotate() keeps eight keys that are needed, and asks for more to be forgotten", async () => {
    let ring = ringOf(1);
    for (let seed = 2; seed <= 8; seed++) ring = ring.rotate(keyOf(seed), AT_MS, AT_MS + 5_000);
    expect(ring.publicKeys(AT_MS)).toHaveLength(8);
    expect(await codeOf(() => ring.rotate(keyOf(9), AT_MS, AT_MS + 5_000))).toBe("auth.keyring_full");
    expect(ring.rotate(keyOf(9), AT_MS + 5_000, AT_MS + 6_000).publicKeys(AT_MS + 5_000)).toHaveLength(2);
    expect(ring.forgetOlder().publicKeys(AT_MS)).toEqual([keyOf(8).publicJwk]);
  });

  test("a key and its ring show no private half when they are printed or serialised", () => {
    const { d } = keyOf(1).reveal();
    const shown = [JSON.stringify(ringOf(1)), Bun.inspect(ringOf(1), { depth: 9 }), JSON.stringify(keyOf(1).publicJwk)];
    for (const text of shown) expect(text).not.toContain(d);
  });

  test("SigningKey() signs as RFC 8032's first test vector says its public half is", () => {
    const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
    const { x } = new SigningKey(seed).publicJwk;
    expect(Buffer.from(x, "base64url").toString("hex")).toBe(
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
  });
});

describe("keys of other nodes", () => {
  test("verify() asks the issuer for a key that it does not know, once, and believes it for that issuer only", async () => {
    const clock = new SetClock();
    const beta = nodeOf({ seed: 2, issuer: "beta", clock }).tokens;
    const asked: string[] = [];
    const alpha = nodeOf({
      clock,
      askKeys: async (issuer) => {
        asked.push(issuer);
        return issuer === "beta" ? beta.publicKeys() : undefined;
      },
    }).tokens;
    const tokens = await Promise.all([beta.issue(VIEWER), beta.issue(VIEWER), beta.issue(VIEWER)]);
    const read = await Promise.all(tokens.map(({ token }) => alpha.verify(token)));
    expect(read.map(({ issuer }) => issuer)).toEqual(["beta", "beta", "beta"]);
    expect(asked).toEqual(["beta"]);
    const stranger = signed(beta.keys.first, claimsAt(clock, { iss: "gamma" }));
    expect(await codeOf(() => alpha.verify(stranger))).toBe("auth.token_key");
    const offline = signed(beta.keys.first, claimsAt(clock, { iss: "offline" }));
    expect((await alpha.verify(offline)).issuer).toBe("offline");
  });

  test("verify() asks an issuer every two seconds at most, however many tokens name unknown keys", async () => {
    const clock = new SetClock();
    let asked = 0;
    const { tokens } = nodeOf({
      clock,
      askKeys: async () => {
        asked++;
        return [];
      },
    });
    const forge = (seed: number): string => signed(keyOf(seed), claimsAt(clock, { iss: "beta" }));
    for (let seed = 100; seed < 130; seed++)
      expect(await codeOf(() => tokens.verify(forge(seed)))).toBe("auth.token_key");
    expect(asked).toBe(1);
    clock.pass(2_000);
    await Promise.all(Array.from({ length: 10 }, (_, at) => codeOf(() => tokens.verify(forge(200 + at)))));
    expect(asked).toBe(2);
  });

  test("takeKeys() follows rotation: what the issuer names no longer is believed no longer, remembered or not", async () => {
    const clock = new SetClock();
    const beta = nodeOf({ seed: 2, issuer: "beta", clock }).tokens;
    const alpha = nodeOf({ clock }).tokens;
    alpha.takeKeys("beta", beta.publicKeys());
    const before = await beta.issue(VIEWER);
    await alpha.verify(before.token);
    beta.rotate(beta.keys.forgetOlder().rotate(keyOf(77), clock.ms, clock.ms));
    alpha.takeKeys("beta", beta.publicKeys());
    expect(alpha.known(before.token)).toBeUndefined();
    expect(await codeOf(() => alpha.verify(before.token))).toBe("auth.token_key");
    expect((await alpha.verify((await beta.issue(VIEWER)).token)).issuer).toBe("beta");
    expect(alpha.allPublicKeys()).toHaveLength(2);
  });

  test("verify() believes no remembered token under a key that its issuer was found to have forgotten", async () => {
    const clock = new SetClock();
    const beta = nodeOf({ seed: 2, issuer: "beta", clock }).tokens;
    const askKeys = async () => beta.publicKeys();
    const alpha = nodeOf({ clock, askKeys }).tokens;
    const before = await beta.issue({ ...VIEWER, role: "admin" });
    await alpha.verify(before.token);
    beta.rotate(beta.keys.forgetOlder().rotate(keyOf(77), clock.ms, clock.ms));
    clock.pass(10_000);
    await alpha.verify((await beta.issue(VIEWER)).token); // the news was lost: it asks, and learns the new keys
    expect(alpha.known(before.token)).toBeUndefined();
    expect(await codeOf(() => alpha.verify(before.token))).toBe("auth.token_key");
  });

  test("takeKeys() of one more key leaves remembered tokens remembered", async () => {
    const clock = new SetClock();
    const beta = nodeOf({ seed: 2, issuer: "beta", clock }).tokens;
    const alpha = nodeOf({ clock }).tokens;
    alpha.takeKeys("beta", beta.publicKeys());
    const { token } = await beta.issue(VIEWER);
    await alpha.verify(token);
    beta.rotate(beta.keys.rotate(keyOf(77), clock.ms, clock.ms + 60_000));
    alpha.takeKeys("beta", beta.publicKeys());
    expect(alpha.known(token)?.subject).toBe("client-1");
  });

  test("takeKeys() takes no key under an id that is not its own, no other kind, and eight at most", () => {
    const { tokens } = nodeOf();
    const jwk = keyOf(5).publicJwk;
    tokens.takeKeys("beta", [{ ...jwk, kid: keyOf(6).id }, { ...jwk, kty: "EC" }, { ...jwk, x: "AA" }, null, "x"]);
    expect(tokens.allPublicKeys()).toHaveLength(1);
    tokens.takeKeys(
      "beta",
      Array.from({ length: 20 }, (_, at) => keyOf(300 + at).publicJwk),
    );
    expect(tokens.allPublicKeys()).toHaveLength(9);
  });
});

describe("requireMayGrant()", () => {
  const mayGrant = async (
    access: "none" | "read" | "operate" | "admin" | "node",
    role: (typeof TOKEN_ROLES)[number],
    own: readonly string[] = [],
    scopes: readonly string[] = [],
  ): Promise<boolean> => {
    try {
      requireMayGrant({ name: "x", access, scopes: own }, role, scopes);
      return true;
    } catch {
      return false;
    }
  };

  test("requireMayGrant() lets nobody grant a role above his own", async () => {
    const levels = ["service", "viewer", "operator", "admin", "node"] as const;
    for (const [own, access] of (["none", "read", "operate", "admin", "node"] as const).entries()) {
      expect(roleOf(access)).toBe(levels[own]!);
      for (const [wanted, role] of levels.entries()) {
        expect([access, role, await mayGrant(access, role)]).toEqual([access, role, wanted <= own]);
      }
    }
  });

  test("requireMayGrant() lets people grant scopes that they have, or parts of them, and admins any", async () => {
    expect(await mayGrant("read", "service", ["users"], ["users.get", "users"])).toBe(true);
    expect(await mayGrant("read", "service", ["*"], ["orders", "*"])).toBe(true);
    expect(await mayGrant("read", "service", ["users.get"], ["users"])).toBe(false);
    expect(await mayGrant("read", "service", ["users"], ["*"])).toBe(false);
    expect(await mayGrant("read", "service", ["users"], ["userservice.get"])).toBe(false);
    expect(await mayGrant("read", "viewer", [], ["users"])).toBe(false);
    expect(await mayGrant("operate", "operator", [], ["billing"])).toBe(false);
    expect(await mayGrant("operate", "service", ["users"], ["*"])).toBe(false);
    expect(await mayGrant("operate", "service", ["users"], ["users.get"])).toBe(true);
    expect(await mayGrant("admin", "service", [], ["*"])).toBe(true);
  });
});
