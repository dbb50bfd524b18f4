/** A revocation that could not be written is written later: what is revoked now must be so after a restart. */
import { describe, expect, test } from "bun:test";
import { codeOf } from "../../../support/auth.ts";
import { until } from "../../../support/until.ts";
import { ADMIN, Net, type TestNode } from "./support.ts";

function writtenBy({ ledger }: TestNode): readonly string[] {
  return ledger.revoked.map(({ tokenId }) => tokenId);
}

describe("a revocation that did not reach the disk", () => {
  test("revoke() writes it when it is asked again", async () => {
    const alpha = new Net().add("alpha");
    const { jti, token } = await alpha.client(ADMIN).token({ subject: "x" });
    alpha.failures = 1;
    expect(await codeOf(() => alpha.client(ADMIN).revoke({ jti }))).toBe("secrets.write_failed");
    expect(await codeOf(() => alpha.tokens.verify(token))).toBe("auth.token_revoked");
    expect(writtenBy(alpha)).toEqual([]);
    expect(await alpha.client(ADMIN).revoke({ jti })).toMatchObject({ isNews: false });
    expect(writtenBy(alpha)).toEqual([jti]);
    await alpha.client(ADMIN).revoke({ jti });
    expect(writtenBy(alpha)).toEqual([jti]);
  });

  test("told() writes it when it is told again, or of another one", async () => {
    const net = new Net();
    const [alpha, beta] = ["alpha", "beta"].map((id) => net.add(id)) as [TestNode, TestNode];
    beta.failures = 1;
    const one = await alpha.client(ADMIN).token({ subject: "x" });
    expect(await alpha.client(ADMIN).revoke({ jti: one.jti })).toMatchObject({ told: 0, others: 1 });
    const two = await alpha.client(ADMIN).token({ subject: "x" });
    expect(await alpha.client(ADMIN).revoke({ jti: two.jti })).toMatchObject({ told: 1 });
    expect(writtenBy(beta)).toEqual([one.jti, two.jti]);
  });

  test("catchUp() takes over keys all the same, and a later round writes it", async () => {
    const net = new Net();
    const [alpha, beta] = ["alpha", "beta"].map((id) => net.add(id)) as [TestNode, TestNode];
    const { jti, token } = await alpha.client(ADMIN).token({ subject: "x" });
    await beta.tokens.verify(token);
    net.cut.add("beta");
    await alpha.client(ADMIN).revoke({ jti });
    await alpha.client(ADMIN).rotate({ forget: true });
    beta.failures = 1;
    beta.meets("alpha");
    const [key] = alpha.tokens.publicKeys();
    await until("beta has met alpha", () => beta.tokens.allPublicKeys().some(({ kid }) => kid === key?.kid));
    expect([beta.tokens.revoked.has(jti), writtenBy(beta)]).toEqual([true, []]);
    net.clock.advance(40_000);
    await until("it is written", () => writtenBy(beta).length > 0);
    expect(writtenBy(beta)).toEqual([jti]);
  });

  test("a round writes it, also where no other node is", async () => {
    const alpha = new Net().add("alpha");
    alpha.failures = 2;
    expect(await codeOf(() => alpha.client(ADMIN).revoke({ jti: "leaked" }))).toBe("secrets.write_failed");
    for (let round = 0; round < 2; round++) {
      alpha.net.clock.advance(40_000);
      await until("the disk was asked", () => alpha.failures <= 0 - round);
    }
    expect(writtenBy(alpha)).toEqual(["leaked"]);
  });
});
