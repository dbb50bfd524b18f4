/** Who a request is from: both kinds of token, and what becomes of wrong ones. */
import { describe, expect, test } from "bun:test";
import { type Authenticate, authenticator } from "../../../../src/app/token/authenticate.ts";
import type { Failure } from "../../../../src/base/errors.ts";
import { type ApiTokens, Lockout } from "../../../../src/edge/token/index.ts";
import { Tokens } from "../../../../src/wire/auth/index.ts";
import { codeOf, failureOf, keyringOf, SetClock, seededEntropy } from "../../../support/auth.ts";
import { nodeOf, VIEWER } from "../../edge/token/support.ts";

const AUDIENCE = "127.0.0.1:8080";

interface Rig {
  readonly authenticate: (token: string | undefined, address?: string) => ReturnType<Authenticate>;
  readonly clock: SetClock;
  readonly cluster: Tokens;
  readonly tokens: ApiTokens;
  readonly said: string[];
}

function rig(): Rig {
  const clock = new SetClock();
  const { tokens } = nodeOf({ clock });
  const clusterOf = (seed: number) => new Tokens({ keyring: keyringOf(1), clock, entropy: seededEntropy(seed) });
  const said: string[] = [];
  const authenticate = authenticator({
    tokens,
    clusterTokens: clusterOf(50),
    audiences: () => [AUDIENCE],
    lockout: new Lockout(clock),
    refused: ({ code }: Failure) => said.push(code),
    lockedOut: (address, waitMs) => said.push(`${address} waits ${waitMs}`),
  });
  const request = (token?: string): Request =>
    new Request("http://node/rpc", token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  return {
    ...{ clock, cluster: clusterOf(60), said, tokens },
    authenticate: async (token, address) => authenticate(request(token), { address }),
  };
}

describe("authenticator()", () => {
  test("authenticator() gives access by role, with scopes and the token's id", async () => {
    const { authenticate, tokens } = rig();
    for (const [role, access] of [
      ["viewer", "read"],
      ["operator", "operate"],
      ["admin", "admin"],
      ["node", "node"],
      ["service", "none"],
    ] as const) {
      const { claims, token } = await tokens.issue({ ...VIEWER, role, scopes: ["users.get"] });
      const caller = await authenticate(token);
      const { expiresAtMs, tokenId: id } = claims;
      expect(caller).toEqual({ name: "client-1", access, scopes: ["users.get"], token: { id, expiresAtMs } });
      expect(await authenticate(token)).toBe(caller);
    }
  });

  test("authenticator() answers at once when the token is known", async () => {
    const { clock, tokens } = nodeOf();
    const { token } = await tokens.issue(VIEWER);
    await tokens.verify(token);
    const never = async (): Promise<never> => {
      throw new Error("asked");
    };
    const quiet = { refused: () => {}, lockedOut: () => {} };
    const authenticate = authenticator({
      ...quiet,
      tokens,
      clusterTokens: { verify: never },
      audiences: () => [],
      lockout: new Lockout(clock),
    });
    const caller = authenticate(new Request("http://node/", { headers: { authorization: `bearer  ${token} ` } }));
    expect(caller).toMatchObject({ name: "client-1", access: "read" });
  });

  test("authenticator() takes tokens under the cluster's key as ever: once, for this address, with their access", async () => {
    const { authenticate, cluster } = rig();
    for (const [wish, access] of [
      [{ role: "node" }, "node"],
      [{ role: "client" }, "read"],
      [{ role: "client", access: "operate" }, "operate"],
      [{ role: "client", access: "admin" }, "admin"],
    ] as const) {
      const token = await cluster.issue({ sub: "cli-1", aud: AUDIENCE, ...wish });
      expect(await authenticate(token)).toEqual({ name: "cli-1", access });
      expect(await codeOf(() => authenticate(token))).toBe("rpc.unauthenticated");
    }
    const elsewhere = await cluster.issue({ sub: "cli-1", aud: "127.0.0.1:9", role: "client" });
    expect(await codeOf(() => authenticate(elsewhere))).toBe("rpc.unauthenticated");
  });

  test("authenticator() says the same to everybody it refuses; the log is told why", async () => {
    const { authenticate, clock, said, tokens } = rig();
    const { claims, token } = await tokens.issue(VIEWER);
    tokens.revoke([{ tokenId: claims.tokenId, expiresAtMs: claims.expiresAtMs }]);
    const other = nodeOf({ seed: 9, clock }).tokens;
    const wrong = [undefined, "x", token, `${token}x`, (await other.issue(VIEWER)).token];
    const told = await Promise.all(wrong.map((each) => failureOf(() => authenticate(each))));
    expect(new Set(told.map((failure) => JSON.stringify(failure))).size).toBe(1);
    expect(told[0]?.message).toContain("token create");
    expect(said.sort()).toEqual(["auth.token_forged", "auth.token_key", "auth.token_malformed", "auth.token_revoked"]);
  });

  test("authenticator() locks out who guesses, and lets right tokens from the same address pass", async () => {
    const { authenticate, cluster, said, tokens } = rig();
    const known = (await tokens.issue(VIEWER)).token;
    const fresh = (await tokens.issue(VIEWER)).token;
    await authenticate(known, "10.0.0.1");
    for (let times = 0; times < 21; times++) {
      expect(await codeOf(() => authenticate(`guess${times}`, "10.0.0.1"))).toBe("rpc.unauthenticated");
    }
    expect(said.at(-1)).toBe("10.0.0.1 waits 10000");
    const { code, data } = await failureOf(() => authenticate("guess", "10.0.0.1"));
    expect([code, data]).toEqual(["auth.locked_out", { retryAfterMs: 10_000 }]);
    expect(await codeOf(() => authenticate("guess", "10.0.0.2"))).toBe("rpc.unauthenticated");
    for (const token of [known, fresh, await cluster.issue({ sub: "cli", aud: AUDIENCE, role: "client" })]) {
      expect(await authenticate(token, "10.0.0.1")).toMatchObject({ access: "read" });
    }
  });

  test("authenticator() spends nothing on a token that it refused a moment ago, and looks at 50 new ones a second", async () => {
    const { authenticate, clock, said, tokens } = rig();
    const old = await tokens.issue({ ...VIEWER, lifetimeMs: 1_000 });
    clock.pass(60_000);
    for (let times = 0; times < 30; times++) await codeOf(() => authenticate(old.token, "10.0.0.1"));
    expect(tokens.isKnownBad(old.token)).toBe(true);
    const before = said.length;
    for (let times = 0; times < 200; times++) await codeOf(() => authenticate(old.token, "10.0.0.1"));
    expect(said.length).toBe(before);
    for (let times = 0; times < 200; times++) await codeOf(() => authenticate(`new${times}`, "10.0.0.1"));
    expect(said.length).toBe(before + 50);
    const good = (await tokens.issue(VIEWER)).token;
    expect(await codeOf(() => authenticate(good, "10.0.0.1"))).toBe("auth.locked_out");
    clock.pass(1_000);
    expect(await authenticate(good, "10.0.0.1")).toMatchObject({ access: "read" });
  });

  test("authenticator() does not count requests without a token, nor its own overload", async () => {
    const { authenticate } = rig();
    for (let times = 0; times < 100; times++) {
      expect(await codeOf(() => authenticate(undefined, "10.0.0.1"))).toBe("rpc.unauthenticated");
    }
  });
});
