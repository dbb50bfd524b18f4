/** API tokens and running nodes: who is let in, how soon a change is known everywhere, and what the commands say. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync } from "node:fs";
import { TestNode } from "../support/nodes.ts";
import { runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly role?: string; readonly [field: string]: unknown };
}

async function ask(address: string, method: string, token?: string, input: unknown = {}): Promise<Answer> {
  const headers = {
    "content-type": "application/json",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const init = { method: "POST", headers, body: JSON.stringify(input) };
  const response = await fetch(`http://${address}/rpc/${method}`, init);
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

/** A command beside a node: with its data directory, or told whom to ask. */
async function command(workspace: Workspace, dataDir: string, ...words: string[]) {
  const env = { DISTRIBUTED_SYSTEM_DATA_DIR: dataDir };
  const { code, stderr, stdout } = await runProgram(words, { cwd: workspace.path, env });
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

describe("a node and its tokens", () => {
  test("a node lets in who has a token, as far as its role goes, and nobody else", async () => {
    using workspace = new Workspace();
    const dataDir = workspace.at("state");
    await using node = new TestNode("alpha", { dataDir });
    const address = await node.address();
    expect((await ask(address, "cluster/status")).status).toBe(401);
    const viewer = (await command(workspace, dataDir, "token", "create", "--role", "viewer")).trim();
    expect((await ask(address, "cluster/status", viewer)).status).toBe(200);
    expect((await ask(address, "auth/whoami", viewer)).body).toMatchObject({ role: "viewer", node: "alpha" });
    expect((await ask(address, "auth/list", viewer)).status).toBe(403);
    expect((await ask(address, "auth/token", viewer, { role: "operator" })).status).toBe(403);
    const exchanged = await ask(address, "auth/token", viewer, { node_id: "client-1" });
    expect(exchanged.body).toMatchObject({ token_type: "Bearer", role: "viewer", sub: "viewer/client-1" });
    const { jti, access_token } = exchanged.body as unknown as { jti: string; access_token: string };
    expect((await ask(address, "auth/revoke", access_token, { jti })).status).toBe(200);
    expect((await ask(address, "cluster/status", access_token)).status).toBe(401);
    expect(await command(workspace, dataDir, "token", "list")).toContain("client-1");
    const listed = JSON.parse(await command(workspace, dataDir, "token", "list", "--json", "--node", address));
    expect(listed.tokens).toHaveLength(2);
  });

  test("a node takes over what a command changes in its files", async () => {
    using workspace = new Workspace();
    const dataDir = workspace.at("state");
    const token = (await command(workspace, dataDir, "token", "create")).trim();
    await using node = new TestNode("alpha", { dataDir });
    const address = await node.address();
    expect((await ask(address, "cluster/status", token)).status).toBe(200);
    const { openFiles } = await import("../../src/app/token/ask-auth.ts");
    const { authContract } = await import("../../src/app/token/auth-contract.ts");
    const { createClient } = await import("../../src/wire/rpc/index.ts");
    const { systemClock } = await import("../../src/base/clock.ts");
    const files = createClient(authContract, openFiles({ dataDir, secrets: undefined }).transport, {
      clock: systemClock,
    });
    await files.rotate({});
    expect((await ask(address, "cluster/status", token)).status).toBe(200);
    await until(
      "the node signs with the new key",
      async () => ((await ask(address, "auth/keys", token)).body.keys as unknown[]).length === 2,
    );
    await files.revoke({ jti: JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()).jti });
    await until("the node refuses it", async () => (await ask(address, "cluster/status", token)).status === 401);
  });

  test("a node with the documents' example for a secret does not start, and says why", async () => {
    using workspace = new Workspace();
    const env = { P2P_JWT_SECRET: "your-production-secret-key" };
    const { code, stderr } = await workspace.exec(["node", "alpha"], { env });
    expect([code, stderr]).toEqual([78, expect.stringContaining("P2P_JWT_SECRET has 26 bytes")]);
  });

  test("dashboard prints an address with an operator's token that the node takes", async () => {
    using workspace = new Workspace();
    const dataDir = workspace.at("state");
    await using node = new TestNode("alpha", { dataDir });
    const address = await node.address();
    const [place, token] = (await command(workspace, dataDir, "dashboard")).trim().split("/#token=") as [
      string,
      string,
    ];
    expect(place).toBe(`http://${address}`);
    expect((await ask(address, "auth/whoami", token)).body).toMatchObject({ role: "operator", name: "dashboard" });
  });

  test("an address that sends wrong tokens is locked out, and who has a right one gets in all the same", async () => {
    using workspace = new Workspace();
    const dataDir = workspace.at("state");
    await using node = new TestNode("alpha", { dataDir });
    const address = await node.address();
    const token = (await command(workspace, dataDir, "token", "create")).trim();
    const codes = new Set<string>();
    for (let guess = 0; guess < 25; guess++)
      codes.add((await ask(address, "cluster/status", `guess${guess}`)).body.code!);
    expect([...codes]).toEqual(["rpc.unauthenticated", "auth.locked_out"]);
    expect((await ask(address, "cluster/status", token)).status).toBe(200);
    expect(await command(workspace, dataDir, "nodes", "--node", address)).toContain("alpha");
  });
});

describe("nodes of a cluster that share no directory", () => {
  test("each takes the others' tokens, and knows soon of revocations and new keys", async () => {
    using workspace = new Workspace();
    const [one, two] = [workspace.at("one"), workspace.at("two")];
    await command(workspace, one, "token", "keys");
    mkdirSync(two);
    copyFileSync(`${one}/cluster.key`, `${two}/cluster.key`);
    await using alpha = new TestNode("alpha", { dataDir: one });
    const seed = await alpha.address();
    await using beta = new TestNode("beta", { dataDir: two, args: ["--seeds", seed] });
    await beta.hears("join", "alpha");
    await alpha.hears("join", "beta");
    const places = [seed, await beta.address()];
    const made = JSON.parse(await command(workspace, one, "token", "create", "--json"));
    for (const place of places) expect((await ask(place, "cluster/status", made.token)).status).toBe(200);
    const given = (await ask(places[1]!, "auth/token", made.token)).body.access_token as string;
    for (const place of places) expect((await ask(place, "cluster/status", given)).status).toBe(200);
    const listed = await Promise.all(
      places.map(async (place) => (await fetch(`http://${place}/.well-known/jwks.json`)).json()),
    );
    const [ids, others] = (listed as { keys: { kid: string }[] }[]).map(({ keys }) =>
      keys.map(({ kid }) => kid).sort(),
    );
    expect([ids, ids?.length]).toEqual([others, 2]);
    await command(workspace, two, "token", "revoke", made.jti);
    for (const place of places) {
      for (const token of [made.token, given]) expect((await ask(place, "cluster/status", token)).status).toBe(401);
    }
    await command(workspace, one, "token", "rotate", "--forget");
    const after = JSON.parse(await command(workspace, one, "token", "create", "--role", "operator", "--json"));
    for (const place of places) expect((await ask(place, "auth/whoami", after.token)).body.role).toBe("operator");
  });
});
