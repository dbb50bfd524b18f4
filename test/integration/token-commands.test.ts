/** `token` as people use it, with the executable and no node: files, modes, exit codes, what is said, many at once. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Workspace } from "../support/workspace.ts";

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+\n$/;

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Record<string, unknown>;
}

describe("token, without a node", () => {
  test("create prints a token of that role, scope, subject and life, and nothing else on standard output", async () => {
    using workspace = new Workspace();
    const words = [
      "--role",
      "operator",
      "--subject",
      "client-1",
      "--scope",
      "users.get",
      "--scope=orders",
      "--expires",
      "30d",
    ];
    const { code, stderr, stdout } = await workspace.exec(["token", "create", ...words]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(TOKEN)]);
    expect(stderr).toContain("operator client-1, ends in 30 d 0 h, id ");
    const { exp, iat, ...claims } = claimsOf(stdout) as { exp: number; iat: number };
    expect(claims).toMatchObject({ sub: "client-1", role: "operator", scope: "orders users.get", iss: "offline" });
    expect(exp - iat).toBe(30 * 24 * 3600);
    expect(readdirSync(workspace.at("state")).sort()).toEqual(["api-keys.json", "api-tokens.json", "cluster.key"]);
    for (const file of readdirSync(workspace.at("state"))) {
      expect([file, statSync(workspace.at("state", file)).mode & 0o777]).toEqual([file, 0o600]);
    }
    expect(workspace.text("state/api-tokens.json")).not.toContain(stdout.trim().split(".")[2]!);
  });

  test("inspect says what a token grants and whether it is good, by its exit code too, after revoke and rotate as well", async () => {
    using workspace = new Workspace();
    const made = JSON.parse((await workspace.exec(["token", "create", "--json"])).stdout);
    expect(made).toMatchObject({ token_type: "Bearer", expires_in: 43_200, role: "viewer", sub: "viewer" });
    const inspect = async () => {
      const { code, stdout } = await workspace.exec(["token", "inspect", "-", "--json"], { stdin: `${made.token}\n` });
      return [code, JSON.parse(stdout).code];
    };
    expect(await inspect()).toEqual([0, undefined]);
    expect((await workspace.exec(["token", "rotate"])).stdout).toMatch(
      /^[\w-]{43} {2}signs.*\n[\w-]{43} {2}is believed\n$/,
    );
    expect(await inspect()).toEqual([0, undefined]);
    const revoked = await workspace.exec(["token", "revoke", made.jti]);
    expect([revoked.code, revoked.stderr]).toEqual([0, expect.stringContaining(`${made.jti} is revoked`)]);
    expect(await inspect()).toEqual([1, "auth.token_revoked"]);
    expect((await workspace.exec(["token", "revoke", made.token])).stderr).toContain("was revoked before");
    const unknown = await workspace.exec(["token", "revoke", "xyz"]);
    expect([unknown.code, unknown.stderr]).toEqual([0, expect.stringContaining("no token of that id is listed")]);
    const { tokens } = JSON.parse((await workspace.exec(["token", "list", "--json"])).stdout);
    expect(tokens).toEqual([
      expect.objectContaining({ jti: made.jti, isRevoked: true, by: "the owner of the key file" }),
    ]);
    expect((await workspace.exec(["token", "list"])).stdout).toContain("revoked");
    await workspace.exec(["token", "rotate", "--forget"]);
    expect(await inspect()).toEqual([1, "auth.token_key"]);
    const { keys } = JSON.parse((await workspace.exec(["token", "keys", "--json"])).stdout);
    expect(keys).toEqual([expect.objectContaining({ kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA" })]);
    expect(keys[0].d).toBeUndefined();
  });

  test("create signs with P2P_JWT_SECRET when it is 32 bytes long, and refuses the documents' example", async () => {
    using workspace = new Workspace();
    const secret = "0123456789abcdef0123456789abcdef";
    const good = await workspace.exec(["token", "create"], { env: { P2P_JWT_SECRET: secret } });
    const [head, body, signature] = good.stdout.trim().split(".") as [string, string, string];
    const expected = new Bun.CryptoHasher("sha256", secret).update(`${head}.${body}`).digest();
    expect(signature).toBe(Buffer.from(expected).toString("base64url"));
    const weak = await workspace.exec(["token", "create"], { env: { P2P_JWT_SECRET: "your-production-secret-key" } });
    expect([weak.code, weak.stdout]).toEqual([78, ""]);
    expect(weak.stderr).toContain("P2P_JWT_SECRET has 26 bytes; 32 random bytes or more are required");
  });

  test("each mistake is told with what is required, and makes no token", async () => {
    using workspace = new Workspace();
    await workspace.exec(["token", "keys"]);
    for (const [words, code, said] of [
      [["create", "--role", "root"], 64, "one of viewer, operator, admin, node, service is required"],
      [["create", "--role", "service"], 78, "without a scope"],
      [["create", "--scope", "a.b.c"], 78, "SERVICE.METHOD or *"],
      [["create", "--expires", "2000d"], 1, "expires_in"],
      [["create", "--expires", "soon"], 64, "1s or more is required"],
      [["create", "--subject", "a b"], 78, "visible ASCII"],
      [["revoke", "a b"], 1, "jti"],
      [["inspect", "no token"], 78, "is no signed JSON Web Token"],
      [["revoke"], 64, "ID"],
    ] as const) {
      const ended = await workspace.exec(["token", ...words]);
      expect([words, ended.code, ended.stdout, ended.stderr]).toEqual([words, code, "", expect.stringContaining(said)]);
    }
    expect(workspace.exists("state/api-tokens.json")).toBe(false);
  });

  test("a key file that others can read or that is cut is refused, with what mends it, and left as it is", async () => {
    using workspace = new Workspace();
    await workspace.exec(["token", "create"]);
    const path = workspace.at("state", "api-keys.json");
    chmodSync(path, 0o644);
    const open = await workspace.exec(["token", "create"]);
    expect([open.code, open.stderr]).toEqual([78, expect.stringContaining(`chmod 600 ${path}`)]);
    chmodSync(path, 0o600);
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 150));
    const cut = await workspace.exec(["token", "create"]);
    expect([cut.code, cut.stderr]).toEqual([78, expect.stringContaining("is no JSON, or not whole")]);
    expect(statSync(path).size).toBe(150);
  });

  test("processes that start at once on a new directory have one key, and each lists its token", async () => {
    using workspace = new Workspace();
    const words = Array.from({ length: 6 }, (_, at) => ["token", "create", "--subject", `s${at}`]);
    const made = await Promise.all(words.map((each) => workspace.exec(each)));
    expect(made.map(({ code }) => code)).toEqual(made.map(() => 0));
    const heads = made.map(({ stdout }) => stdout.split(".")[0]!);
    expect(new Set(heads).size).toBe(1);
    const { tokens } = JSON.parse((await workspace.exec(["token", "list", "--json"])).stdout);
    expect(tokens.map(({ sub }: { sub: string }) => sub).sort()).toEqual(words.map((_, at) => `s${at}`));
    for (const { stdout } of made) {
      expect((await workspace.exec(["token", "inspect", "-"], { stdin: stdout })).code).toBe(0);
    }
  });
});
