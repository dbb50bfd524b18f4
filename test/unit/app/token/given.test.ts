/** Tokens that tokens give: under whose name, for how long, how many, and what ends them. */
import { describe, expect, test } from "bun:test";
import { codeOf, failureOf } from "../../../support/auth.ts";
import { HOUR_MS } from "../../edge/token/support.ts";
import { ADMIN, callerWith, Net, type TestNode } from "./support.ts";

const YEAR_S = 366 * 24 * 3600;

describe("the name", () => {
  test("token() gives a name within the giver's own, and any name where the giver is an admin", async () => {
    const alpha = new Net().add("alpha");
    for (const role of ["viewer", "operator"] as const) {
      const client = alpha.client(await callerWith(alpha, { subject: "eve", role }));
      for (const [asked, sub] of [
        [{ subject: "alice" }, "eve/alice"],
        [{ node_id: "client-1" }, "eve/client-1"],
        [{ subject: "eve" }, "eve"],
        [{ subject: "eve/phone" }, "eve/phone"],
        [{ subject: "evelyn" }, "eve/evelyn"],
        [{}, "eve"],
      ] as const) {
        expect([asked, (await client.token(asked)).sub]).toEqual([asked, sub]);
      }
      expect(await codeOf(() => client.token({ subject: "x".repeat(125) }))).toBe("auth.token_request");
    }
    const admin = await callerWith(alpha, { subject: "root", role: "admin" });
    expect((await alpha.client(admin).token({ subject: "alice" })).sub).toBe("alice");
  });
});

describe("the end", () => {
  test("revoke() ends what the token gave, and what that gave, on every node", async () => {
    const net = new Net();
    const [alpha, beta] = ["alpha", "beta"].map((id) => net.add(id)) as [TestNode, TestNode];
    const parent = await callerWith(alpha, { subject: "eve", role: "viewer" });
    const child = await callerWith(beta, {}, beta.client(parent));
    const grandchild = await beta.client(child).token({});
    const other = await alpha.client(ADMIN).token({ subject: "eve", role: "viewer" });
    for (const node of [alpha, beta]) expect((await node.tokens.verify(grandchild.token)).subject).toBe("eve");
    await alpha.client(ADMIN).revoke({ jti: parent.token!.id });
    for (const node of [alpha, beta]) {
      expect(node.tokens.known(grandchild.token)).toBeUndefined();
      expect(await codeOf(() => node.tokens.verify(grandchild.token))).toBe("auth.token_revoked");
      expect((await node.tokens.verify(other.token)).subject).toBe("eve");
    }
    const listed = (await beta.client(ADMIN).list({})).tokens.map(({ isRevoked, jti }) => [jti, isRevoked]);
    expect(listed).toContainEqual([grandchild.jti, true]);
  });

  test("revoke() of an admin's token ends what it gave for as long as that may live", async () => {
    const alpha = new Net().add("alpha");
    const admin = await callerWith(alpha, { subject: "root", role: "admin", expires_in: 3600 });
    const given = await alpha.client(admin).token({ subject: "x", role: "viewer", expires_in: YEAR_S });
    await alpha.client(ADMIN).revoke({ jti: admin.token!.id });
    alpha.net.clock.sleep((YEAR_S - 1) * 1000);
    alpha.tokens.dropEnded();
    expect(await codeOf(() => alpha.tokens.verify(given.token))).toBe("auth.token_revoked");
  });

  test("token() gives nothing that outlives its giver, also within the seconds that clocks may differ by", async () => {
    const alpha = new Net().add("alpha");
    const caller = await callerWith(alpha, { subject: "eve", role: "viewer", expires_in: 60 });
    const client = alpha.client(caller);
    alpha.net.clock.advance(58_500);
    const { token } = await client.token({});
    expect((await alpha.tokens.verify(token)).expiresAtMs).toBeLessThanOrEqual(caller.token!.expiresAtMs);
    for (const passMs of [600, 900, 29_000]) {
      alpha.net.clock.advance(passMs);
      expect(await codeOf(() => client.token({}))).toBe("rpc.forbidden");
    }
  });

  test("token() gives no ninth generation, and says who can", async () => {
    const alpha = new Net().add("alpha");
    let caller = await callerWith(alpha, { subject: "root", role: "admin" });
    for (let generation = 1; generation <= 8; generation++) {
      caller = await callerWith(alpha, { role: "admin" }, alpha.client(caller));
      expect(caller.token!.parents).toHaveLength(generation);
    }
    const { code, message } = await failureOf(() => alpha.client(caller).token({}));
    expect([code, message]).toEqual(["rpc.forbidden", expect.stringContaining("8 others")]);
  });
});

describe("how many", () => {
  test("token() gives 60 at once and 12 a minute, to all of one name together, and to an admin as many as he likes", async () => {
    const alpha = new Net().add("alpha");
    const eve = await callerWith(alpha, { subject: "eve", role: "viewer" });
    const phone = await callerWith(alpha, { subject: "phone" }, alpha.client(eve));
    for (let at = 1; at < 60; at++) await alpha.client(at % 2 ? eve : phone).token({});
    for (const caller of [eve, phone]) {
      const { code, data, retryable } = await failureOf(() => alpha.client(caller).token({}));
      expect([code, data, retryable]).toEqual(["auth.token_rate", { retryAfterMs: 5_000 }, true]);
    }
    const other = await callerWith(alpha, { subject: "bob", role: "viewer" });
    await alpha.client(other).token({});
    alpha.net.clock.advance(5_000);
    await alpha.client(phone).token({});
    expect(await codeOf(() => alpha.client(eve).token({}))).toBe("auth.token_rate");
    const root = alpha.client(await callerWith(alpha, { subject: "root", role: "admin" }));
    for (let at = 0; at < 70; at++) await root.token({});
    alpha.net.clock.advance(HOUR_MS);
    for (let at = 0; at < 60; at++) await alpha.client(eve).token({});
    expect(await codeOf(() => alpha.client(eve).token({}))).toBe("auth.token_rate");
  });
});
