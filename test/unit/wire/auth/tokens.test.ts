/** Tokens: who is believed, for how long, how often, and what is refused before and after the signature is known. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ClusterKey, Keyring, type TokenRequest, Tokens, type TokensOptions } from "../../../../src/wire/auth/index.ts";
import { codeOf, failureOf, keyringOf, SetClock, seededEntropy } from "../../../support/auth.ts";

const SECOND_MS = 1000;
const REQUEST: TokenRequest = { sub: "alpha", aud: "10.0.0.2:8080" };

let seeds = 1000;

function tokensOf(keyring: Keyring, clock = new SetClock(), options: TokensOptions = {}): Tokens {
  return new Tokens({ keyring, clock, entropy: seededEntropy(seeds++) }, options);
}

/** A token made by hand: any header and payload, signed under the keyring's first key unless told otherwise. */
function forged(header: object, payload: unknown, key: Uint8Array = keyringOf(1).first.tokenKey): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode(header)}.${encode(payload)}`;
  return `${body}.${Buffer.from(new Bun.CryptoHasher("sha256", key).update(body).digest()).toString("base64url")}`;
}

describe("issue() and verify()", () => {
  test("verify() tells who speaks, as what and with which access, when the token is of a member and for this node", async () => {
    const clock = new SetClock();
    const [from, to] = [tokensOf(keyringOf(1), clock), tokensOf(keyringOf(1), clock)];
    expect(await to.verify(await from.issue(REQUEST), REQUEST.aud)).toEqual({
      id: "alpha",
      audience: REQUEST.aud,
      role: "node",
      access: "operate",
      tokenId: expect.stringMatching(/^[\w-]{22}$/),
      issuedAtMs: clock.ms,
      expiresAtMs: clock.ms + 30 * SECOND_MS,
    });
    const client = await from.issue({ ...REQUEST, role: "client" });
    expect(await to.verify(client, ["beta", REQUEST.aud])).toMatchObject({ role: "client", access: "read" });
    const operator = await from.issue({ ...REQUEST, role: "client", access: "operate" });
    expect(await to.verify(operator, REQUEST.aud)).toMatchObject({ role: "client", access: "operate" });
  });

  test("issue() makes a JSON Web Token that names its key", async () => {
    const [head, body] = (await tokensOf(keyringOf(1)).issue(REQUEST)).split(".");
    const read = (part = ""): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    expect(read(head)).toEqual({ alg: "HS256", typ: "JWT", kid: keyringOf(1).first.id });
    expect(Object.keys(read(body) as object).sort()).toEqual(["access", "aud", "exp", "iat", "jti", "role", "sub"]);
  });

  test("issue() refuses ids and addresses that no verifier would take", async () => {
    const tokens = tokensOf(keyringOf(1));
    for (const wrong of [
      { sub: "" },
      { sub: "a b" },
      { sub: "ü" },
      { sub: "x".repeat(129) },
      { aud: "" },
      { aud: "x".repeat(301) },
    ]) {
      expect(await codeOf(() => tokens.issue({ ...REQUEST, ...wrong }))).toBe("auth.token_request");
    }
  });

  test("verify() accepts a token once, and never again while it could be used", async () => {
    const clock = new SetClock();
    const [from, to] = [tokensOf(keyringOf(1), clock), tokensOf(keyringOf(1), clock)];
    const token = await from.issue(REQUEST);
    await to.verify(token, REQUEST.aud);
    const codes = new Set<string>();
    for (; clock.ms < Date.UTC(2030, 0, 1) + 70 * SECOND_MS; clock.pass(SECOND_MS / 2)) {
      codes.add(await codeOf(() => to.verify(token, REQUEST.aud)));
    }
    expect([...codes]).toEqual(["auth.token_replayed", "auth.token_expired"]);
  });

  test("verify() accepts one of several that come with the same token at once", async () => {
    const [from, to] = [tokensOf(keyringOf(1)), tokensOf(keyringOf(1))];
    const token = await from.issue(REQUEST);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => to.verify(token, REQUEST.aud)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("verify() refuses a token for another, and does not use it up", async () => {
    const [from, to] = [tokensOf(keyringOf(1)), tokensOf(keyringOf(1))];
    const token = await from.issue(REQUEST);
    expect(await codeOf(() => to.verify(token, "10.0.0.3:8080"))).toBe("auth.token_audience");
    expect(await codeOf(() => to.verify(token, []))).toBe("auth.token_audience");
    expect((await to.verify(token, REQUEST.aud)).id).toBe("alpha");
  });

  test("verify() goes by its own clock and bears 30 s of difference", async () => {
    const [theirs, ours] = [new SetClock(), new SetClock()];
    const [from, to] = [tokensOf(keyringOf(1), theirs), tokensOf(keyringOf(1), ours)];
    ours.pass(100 * SECOND_MS); // long enough after it began
    const at = async (offsetMs: number): Promise<string> => {
      theirs.ms = ours.ms + offsetMs;
      const token = await from.issue(REQUEST);
      return to.verify(token, REQUEST.aud).then(
        () => "believed",
        ({ code }) => code,
      );
    };
    expect(await at(-60 * SECOND_MS)).toBe("believed");
    expect(await at(-60 * SECOND_MS - 10)).toBe("auth.token_expired");
    expect(await at(30 * SECOND_MS)).toBe("believed");
    expect(await at(30 * SECOND_MS + 10)).toBe("auth.token_early");
  });

  test("verify() refuses a token from before it began, which might have been used", async () => {
    const clock = new SetClock();
    const token = await tokensOf(keyringOf(1), clock).issue(REQUEST);
    clock.pass(SECOND_MS + 10);
    const failure = await failureOf(() => tokensOf(keyringOf(1), clock).verify(token, REQUEST.aud));
    expect([failure.code, failure.retryable]).toEqual(["auth.token_early", true]);
  });
});

describe("clocks that are set", () => {
  const HOUR_MS = 3600 * SECOND_MS;

  test("verify() goes on at once when the clocks of all hosts are set back or forward, however far", async () => {
    for (const stepMs of [-HOUR_MS, -45 * SECOND_MS, HOUR_MS]) {
      const clock = new SetClock();
      const [from, to] = [tokensOf(keyringOf(1), clock), tokensOf(keyringOf(1), clock)];
      clock.pass(60 * SECOND_MS);
      clock.ms += stepMs;
      expect((await to.verify(await from.issue(REQUEST), REQUEST.aud)).id).toBe("alpha");
    }
  });

  test("verify() accepts no used token again when the clock goes forward and back", async () => {
    for (const move of [(clock: SetClock) => (clock.ms += 120 * SECOND_MS), (clock: SetClock) => clock.pass(HOUR_MS)]) {
      const clock = new SetClock();
      const [from, to] = [tokensOf(keyringOf(1), clock), tokensOf(keyringOf(1), clock)];
      clock.pass(5 * SECOND_MS);
      const stolen = await from.issue(REQUEST);
      await to.verify(stolen, REQUEST.aud);
      const stolenMs = clock.ms;
      move(clock);
      await to.verify(await from.issue(REQUEST), REQUEST.aud);
      clock.ms = stolenMs + SECOND_MS;
      expect(await codeOf(() => to.verify(stolen, REQUEST.aud))).toBe("auth.token_replayed");
    }
  });

  test("verify() refuses what was issued before it began also after the clock was set", async () => {
    for (const stepMs of [-HOUR_MS, HOUR_MS]) {
      const clock = new SetClock();
      const to = tokensOf(keyringOf(1), clock);
      clock.pass(5 * SECOND_MS);
      clock.ms += stepMs;
      const issuer = new SetClock(clock.ms - 7 * SECOND_MS);
      const failure = await failureOf(async () =>
        to.verify(await tokensOf(keyringOf(1), issuer).issue(REQUEST), REQUEST.aud),
      );
      expect([failure.code, failure.message.includes("issued 1.0 s too early")]).toEqual(["auth.token_early", true]);
    }
  });

  test("verify() says by how much a peer's clock is off when that is too much", async () => {
    const [theirs, ours] = [new SetClock(), new SetClock()];
    const [from, to] = [tokensOf(keyringOf(1), theirs), tokensOf(keyringOf(1), ours)];
    ours.pass(HOUR_MS);
    for (const [aheadMs, code, words] of [
      [90 * SECOND_MS, "auth.token_early", "is from 90.0 s in the future; clocks may differ by 30.0 s"],
      [-90 * SECOND_MS, "auth.token_expired", "expired 60.0 s ago; clocks may differ by 30.0 s"],
    ] as const) {
      theirs.ms = ours.ms + aheadMs;
      const failure = await failureOf(async () => to.verify(await from.issue(REQUEST), REQUEST.aud));
      expect([failure.code, failure.data]).toEqual([code, { aheadMs }]);
      expect(failure.message).toContain(words);
    }
  });
});

describe("strangers", () => {
  test("verify() refuses a token under another key, by name or by signature", async () => {
    const to = tokensOf(keyringOf(1));
    const token = await tokensOf(keyringOf(2)).issue(REQUEST);
    expect(await codeOf(() => to.verify(token, REQUEST.aud))).toBe("auth.token_key");
    const [, body, signature] = token.split(".");
    const head = Buffer.from(JSON.stringify({ alg: "HS256", kid: keyringOf(1).first.id })).toString("base64url");
    expect(await codeOf(() => to.verify(`${head}.${body}.${signature}`, REQUEST.aud))).toBe("auth.token_forged");
  });

  test("verify() refuses a token when any one character of it is another", async () => {
    const [from, to] = [tokensOf(keyringOf(1)), tokensOf(keyringOf(1))];
    const token = await from.issue(REQUEST);
    for (let at = 0; at < token.length - 1; at++) {
      // of the last character only four bits count
      const other = token[at] === "A" ? "B" : "A";
      const changed = token.slice(0, at) + other + token.slice(at + 1);
      expect(await codeOf(() => to.verify(changed, REQUEST.aud))).toMatch(/^auth\.token_(malformed|forged|key)$/);
      if (at % 16 === 0)
        expect(await codeOf(() => to.verify(token.slice(0, at), REQUEST.aud))).toStartWith("auth.token_");
    }
    expect((await to.verify(token, REQUEST.aud)).id).toBe("alpha");
  });

  test("verify() refuses other algorithms, none among them", async () => {
    const to = tokensOf(keyringOf(1));
    const payload = {
      sub: "a",
      aud: "b",
      role: "node",
      access: "operate",
      jti: "x".repeat(22),
      iat: atSecond(0),
      exp: atSecond(30),
    };
    const kid = keyringOf(1).first.id;
    for (const alg of ["none", "HS512", "RS256", "ES256", "", undefined]) {
      const code = await codeOf(() => to.verify(forged({ alg, kid }, payload), "b"));
      expect(code).toMatch(/^auth\.token_(malformed|forged)$/);
    }
    const [head, body] = forged({ alg: "none", kid }, payload).split(".");
    expect(await codeOf(() => to.verify(`${head}.${body}.`, "b"))).toMatch(/^auth\.token_(malformed|forged)$/);
    expect(await codeOf(() => to.verify(forged({ alg: "HS256", kid, crit: ["exp"] }, payload), "b"))).toBe(
      "auth.token_malformed",
    );
  });

  test("verify() fails with a Failure and remembers nothing, whatever text comes", async () => {
    const to = tokensOf(keyringOf(1));
    const texts = fc.oneof(
      fc.string({ maxLength: 100 }),
      fc.array(fc.base64String({ maxLength: 40 }), { minLength: 3, maxLength: 5 }).map((parts) => parts.join(".")),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect(await codeOf(() => to.verify(text, "b"))).toStartWith("auth.token_");
      }),
      { numRuns: 200 },
    );
    const long = await failureOf(() => to.verify("a".repeat(1_000_000), "b"));
    expect([long.code, long.message.includes("at most 6144")]).toEqual(["auth.token_malformed", true]);
    expect(to.usedCount).toBe(0);
  });
});

function atSecond(seconds: number): number {
  return Date.UTC(2030, 0, 1) / 1000 + seconds;
}

describe("members that misbehave", () => {
  const good = {
    sub: "a",
    aud: "b",
    role: "node",
    access: "operate",
    jti: "x".repeat(22),
    iat: atSecond(0),
    exp: atSecond(30),
  };
  const verify = (payload: unknown): Promise<string> =>
    tokensOf(keyringOf(1))
      .verify(forged({ alg: "HS256", kid: keyringOf(1).first.id }, payload), "b")
      .then(
        () => "believed",
        ({ code }) => code,
      );

  test("verify() refuses signed claims that are missing, of another type or beyond their bounds", async () => {
    expect(await verify(good)).toBe("believed");
    for (const payload of [null, 1, [], "x", {}]) expect(await verify(payload)).toBe("auth.token_malformed");
    const wrong: Readonly<Record<string, readonly unknown[]>> = {
      sub: [undefined, 1, "", "a b", "x".repeat(129), ["a"]],
      aud: [undefined, 1, "", ["b"], "x".repeat(301)],
      role: [undefined, "admin", 1],
      access: [undefined, "all", 1],
      jti: [undefined, 1, "", "short", "x".repeat(65), "a b".repeat(8)],
      iat: [undefined, "1", -1, 1e300, atSecond(30), atSecond(31)],
      exp: [undefined, "1", -1, 1e300, atSecond(0)],
    };
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        expect([name, value, await verify({ ...good, [name]: value })]).toEqual([name, value, "auth.token_malformed"]);
      }
    }
  });

  test("verify() refuses a token that would live longer than tokens do", async () => {
    expect(await verify({ ...good, exp: atSecond(31) })).toBe("auth.token_lifetime");
  });

  test("verify() refuses rather than forgets when it remembers as many tokens as it can, and goes on when they expire", async () => {
    const clock = new SetClock();
    const [from, to] = [tokensOf(keyringOf(1), clock), tokensOf(keyringOf(1), clock, { usedMax: 3 })];
    const first = await from.issue(REQUEST);
    for (const token of [first, await from.issue(REQUEST), await from.issue(REQUEST)])
      await to.verify(token, REQUEST.aud);
    const failure = await failureOf(async () => to.verify(await from.issue(REQUEST), REQUEST.aud));
    expect([failure.code, failure.retryable]).toEqual(["auth.token_overload", true]);
    expect(await codeOf(() => to.verify(first, REQUEST.aud))).toBe("auth.token_replayed");
    clock.pass(90 * SECOND_MS);
    expect(await codeOf(async () => to.verify(await from.issue(REQUEST), REQUEST.aud))).toBe("auth.token_overload");
    clock.pass(1);
    await to.verify(await from.issue(REQUEST), REQUEST.aud);
    expect(to.usedCount).toBe(3); // one made room, the others stay while there is some
  });
});

describe("rotate()", () => {
  test("rotate() keeps every step of a rotation working while nodes take it over one by one", async () => {
    const old = keyringOf(1);
    const both = old.add(ClusterKey.generate(seededEntropy(2)));
    const used = both.use(both.keys[1]!.id);
    const nodes = [tokensOf(old), tokensOf(old)] as const;
    const talk = async (): Promise<void> => {
      for (const [from, to] of [nodes, [nodes[1], nodes[0]] as const]) {
        expect((await to.verify(await from.issue(REQUEST), REQUEST.aud)).id).toBe("alpha");
      }
    };
    for (const step of [old, both, used, used.remove(old.first.id)]) {
      for (const node of nodes) {
        node.rotate(step);
        await talk();
      }
    }
  });

  test("rotate() forgets no used token, and refuses the old key once it is removed", async () => {
    const old = keyringOf(1);
    const both = old.add(ClusterKey.generate(seededEntropy(2)));
    const [from, to] = [tokensOf(old), tokensOf(old)];
    const [used, unused] = [await from.issue(REQUEST), await from.issue(REQUEST)];
    await to.verify(used, REQUEST.aud);
    to.rotate(both.use(both.keys[1]!.id));
    expect(await codeOf(() => to.verify(used, REQUEST.aud))).toBe("auth.token_replayed");
    to.rotate(new Keyring([both.keys[1]!]));
    expect(await codeOf(() => to.verify(unused, REQUEST.aud))).toBe("auth.token_key");
  });
});
