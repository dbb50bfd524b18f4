/** The contract `auth` on several nodes that tell each other: what is granted, revoked, rotated, and known everywhere. */
import { describe, expect, test } from "bun:test";
import { SharedSecret } from "../../../../src/edge/token/index.ts";
import { codeOf, failureOf } from "../../../support/auth.ts";
import { until } from "../../../support/until.ts";
import { AUDIENCE } from "../../edge/token/support.ts";
import { ADMIN, callerWith, Net, type TestNode } from "./support.ts";

describe("auth.token", () => {
  test("token() answers the documents' request with a Bearer token for that node_id", async () => {
    const alpha = new Net().add("alpha");
    const answer = await alpha.client(ADMIN).token({ node_id: "client-1" });
    expect(answer).toMatchObject({ token_type: "Bearer", expires_in: 12 * 3600, role: "operator", sub: "client-1" });
    expect(answer.token).toBe(answer.access_token);
    expect(await alpha.tokens.verify(answer.token)).toMatchObject({ subject: "client-1", role: "operator" });
    const wrong = { node_id: "client-1", subject: "client-2" };
    expect(await codeOf(() => alpha.client(ADMIN).token(wrong))).toBe("rpc.invalid_input");
  });

  test("token() gives no more than the caller has, and for no longer", async () => {
    const alpha = new Net().add("alpha");
    const wish = { subject: "eve", role: "viewer", scopes: ["users"], expires_in: 3600 } as const;
    const viewer = alpha.client(await callerWith(alpha, wish));
    for (const more of [
      { role: "operator" },
      { role: "admin" },
      { role: "node" },
      { scopes: ["orders"] },
      { scope: "users *" },
      { expires_in: 3601 },
    ] as const) {
      expect([more, await codeOf(() => viewer.token(more))]).toEqual([more, "rpc.forbidden"]);
    }
    alpha.net.clock.advance(1_800_000);
    expect(await viewer.token({})).toMatchObject({ expires_in: 1800, role: "viewer", scope: "users", sub: "eve" });
    const less = await viewer.token({ role: "service", scope: "users.get", expires_in: 60, subject: "part" });
    expect(less).toMatchObject({ expires_in: 60, role: "service", scope: "users.get", sub: "eve/part" });
    const operator = alpha.client({ name: "cli", access: "operate" });
    expect(await operator.token({ role: "viewer" })).toMatchObject({ role: "viewer", expires_in: 12 * 3600 });
    expect(await codeOf(() => operator.token({ scope: "billing" }))).toBe("rpc.forbidden");
    expect(await codeOf(() => operator.token({ expires_in: 12 * 3600 + 1 }))).toBe("rpc.forbidden");
    expect(await alpha.client(ADMIN).token({ expires_in: 366 * 24 * 3600 })).toMatchObject({ role: "operator" });
  });

  test("token() lists what it has issued before it gives it away, and never the token", async () => {
    const alpha = new Net().add("alpha");
    const admin = alpha.client(ADMIN);
    const made = [];
    for (let at = 0; at < 5; at++) {
      made.push(await admin.token({ subject: `s${at}` }));
      alpha.net.clock.advance(1_000);
    }
    expect(JSON.stringify(alpha.ledger)).not.toContain(made[0]!.token.split(".")[2]!);
    const first = await admin.list({ limit: 2 });
    const second = await admin.list({ limit: 2, cursor: first.next! });
    const third = await admin.list({ limit: 2, cursor: second.next! });
    expect([first, second, third].map(({ tokens }) => tokens.map(({ sub }) => sub))).toEqual([
      ["s4", "s3"],
      ["s2", "s1"],
      ["s0"],
    ]);
    expect(third.next).toBeUndefined();
    expect(first.tokens[0]).toMatchObject({ by: "root", isRevoked: false, issuer: "alpha", jti: made[4]!.jti });
    expect(await codeOf(() => admin.list({ cursor: "nonsense" }))).toBe("rpc.invalid_input");
  });

  test("whoami() tells the caller what the token grants, where and until when", async () => {
    const alpha = new Net().add("alpha");
    const caller = await callerWith(alpha, { subject: "eve", role: "viewer" });
    const { id: jti, expiresAtMs } = caller.token!;
    const where = { node: "alpha", audience: AUDIENCE, isTls: false };
    const who = { name: "eve", access: "read", role: "viewer", scopes: [], jti, expiresAtMs };
    expect(await alpha.client(caller).whoami({})).toEqual({ ...who, ...where } as never);
  });
});

describe("auth.revoke", () => {
  test("revoke() is known to all other nodes and on their disks when it has answered", async () => {
    const net = new Net();
    const [alpha, beta, gamma] = ["alpha", "beta", "gamma"].map((id) => net.add(id)) as [TestNode, TestNode, TestNode];
    const { jti, token } = await alpha.client(ADMIN).token({ subject: "x" });
    for (const node of [beta, gamma]) await node.tokens.verify(token);
    const answer = await beta.client(ADMIN).revoke({ jti });
    expect(answer).toEqual({ jti, isNews: true, isListed: true, told: 2, others: 2 });
    for (const node of [alpha, beta, gamma]) {
      expect(await codeOf(() => node.tokens.verify(token))).toBe("auth.token_revoked");
      expect(node.ledger.revoked.map(({ tokenId }) => tokenId)).toEqual([jti]);
    }
    expect(await beta.client(ADMIN).revoke({ jti })).toMatchObject({ isNews: false, isListed: true });
    expect(await beta.client(ADMIN).revoke({ jti: "xyz" })).toMatchObject({ isNews: true, isListed: false });
  });

  test("revoke() ends one's own token, and another one's only for an admin", async () => {
    const alpha = new Net().add("alpha");
    const one = await callerWith(alpha, { subject: "one", role: "operator" });
    const other = await callerWith(alpha, { subject: "other", role: "operator" });
    expect(await codeOf(() => alpha.client(one).revoke({ jti: other.token!.id }))).toBe("rpc.forbidden");
    expect(await alpha.client(one).revoke({ jti: one.token!.id })).toMatchObject({ isNews: true });
    expect(alpha.tokens.revoked.list().map(({ tokenId }) => tokenId)).toEqual([one.token!.id]);
  });

  test("a node that was cut off learns of a revocation when it meets another node, or in its rounds", async () => {
    for (const how of ["meets", "rounds"] as const) {
      const net = new Net();
      const [alpha, beta] = [net.add("alpha"), net.add("beta")];
      const { jti, token } = await alpha.client(ADMIN).token({ subject: "x" });
      net.cut.add("beta");
      expect(await alpha.client(ADMIN).revoke({ jti })).toMatchObject({ told: 0, others: 1 });
      expect(beta.tokens.revoked.has(jti)).toBe(false);
      net.cut.clear();
      if (how === "meets") beta.meets("alpha");
      else net.clock.advance(40_000);
      await until("beta knows", () => beta.tokens.revoked.has(jti));
      expect(await codeOf(() => beta.tokens.verify(token))).toBe("auth.token_revoked");
    }
  });

  test("told(), news() and list() are for those they are for", async () => {
    const alpha = new Net().add("alpha");
    const viewer = alpha.client({ name: "v", access: "read" });
    const operator = alpha.client({ name: "o", access: "operate" });
    const admin = alpha.client(ADMIN);
    for (const act of [
      () => admin.told({}),
      () => admin.news({}),
      () => operator.list({}),
      () => operator.rotate({}),
      () => viewer.rotate({}),
    ]) {
      expect(await codeOf(act)).toBe("rpc.forbidden");
    }
  });
});

describe("auth.rotate", () => {
  test("rotate() is followed by other nodes at once: new tokens are good there, older ones still", async () => {
    const net = new Net();
    const [alpha, beta] = [net.add("alpha"), net.add("beta")];
    const before = await alpha.client(ADMIN).token({ subject: "x" });
    await beta.tokens.verify(before.token);
    const { believed, keyId } = await alpha.client(ADMIN).rotate({});
    expect(believed).toHaveLength(2);
    const after = await alpha.client(ADMIN).token({ subject: "x" });
    expect(beta.tokens.allPublicKeys().map(({ kid }) => kid)).toContain(keyId);
    for (const { token } of [before, after]) expect((await beta.tokens.verify(token)).issuer).toBe("alpha");
  });

  test("rotate() is refused where a shared secret signs: no key of this place would end its tokens", async () => {
    const net = new Net();
    const secret = new SharedSecret("a shared secret of more than 32 bytes, drawn by nobody", "P2P_JWT_SECRET");
    const alpha = net.add("alpha", secret);
    for (const forget of [true, false]) {
      const { code, message } = await failureOf(() => alpha.client(ADMIN).rotate({ forget }));
      expect([code, message]).toEqual(["auth.shared_secret", expect.stringContaining("P2P_JWT_SECRET")]);
    }
    expect(alpha.tokens.keys.keys).toHaveLength(1);
  });

  test("rotate() with forget ends all older tokens on every node", async () => {
    const net = new Net();
    const [alpha, beta] = [net.add("alpha"), net.add("beta")];
    const { token } = await alpha.client(ADMIN).token({ subject: "x" });
    await beta.tokens.verify(token);
    expect((await alpha.client(ADMIN).rotate({ forget: true })).believed).toHaveLength(1);
    for (const node of [alpha, beta]) expect(await codeOf(() => node.tokens.verify(token))).toBe("auth.token_key");
  });
});
