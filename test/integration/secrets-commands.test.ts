/** `init` and `key` as people use them, with the executable: what is made, what is said, what comes back as exit code. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, statSync } from "node:fs";
import { loadSecrets } from "../../src/app/secrets/load-secrets.ts";
import { isIssuedBy, readKeyFile } from "../../src/wire/auth/index.ts";
import { Workspace } from "../support/workspace.ts";

describe("init", () => {
  test("init makes the secrets and says what to copy where, and adds a node when it is run again", async () => {
    using workspace = new Workspace();
    const first = await workspace.exec([
      "init",
      "my secrets",
      "--node",
      "alpha=10.0.0.1",
      "--node=beta=10.0.0.2,b.example.org",
    ]);
    expect([first.code, first.stdout]).toEqual([0, ""]);
    expect(first.stderr).toContain("Node beta, valid until 20");
    expect(first.stderr).toContain("for beta, 10.0.0.2, b.example.org\n");
    expect(first.stderr).toContain("--secrets 'my secrets'");
    expect(first.stderr).toContain("Keep my secrets/ca.key here only");
    const { keyId } = JSON.parse((await workspace.exec(["init", "my secrets", "--json"])).stdout);
    expect(keyId).toBe(readKeyFile(workspace.at("my secrets", "cluster.key")).first.id);
    const again = await workspace.exec([
      "init",
      "my secrets",
      "--node",
      "gamma",
      "--node",
      "alpha=10.9.9.9",
      "--days",
      "30",
      "--json",
    ]);
    const { made, nodes } = JSON.parse(again.stdout);
    expect(made).toEqual(["key", "crt"].map((end) => workspace.at("my secrets", "nodes", `gamma.${end}`)));
    expect(nodes.map(({ name, isNew }: { name: string; isNew: boolean }) => [name, isNew])).toEqual([
      ["gamma", true],
      ["alpha", false],
    ]);
    for (const name of ["alpha", "beta", "gamma"]) {
      expect(isIssuedBy(workspace.text(`my secrets/nodes/${name}.crt`), workspace.text("my secrets/ca.crt"))).toBe(
        true,
      );
    }
  });

  test("init prints a command that puts a node's secrets, and no others, on its machine", async () => {
    using workspace = new Workspace();
    using machine = new Workspace();
    const said = await workspace.exec(["init", "my secrets", "--node", "alpha=10.0.0.1", "--node", "beta=10.0.0.2"]);
    const command = said.stderr.split("\n").find((line) => line.includes("ssh 10.0.0.2"))!;
    const ssh = workspace.write("tools/ssh", `#!/bin/sh\ncd '${machine.path}' && exec sh -c "$2"\n`);
    chmodSync(ssh, 0o755);
    const env = { PATH: `${workspace.at("tools")}:${process.env.PATH}` };
    expect(Bun.spawnSync(["sh", "-c", command], { cwd: workspace.path, env }).exitCode).toBe(0);
    const dir = machine.at("my secrets");
    expect(readdirSync(dir).sort()).toEqual(["ca.crt", "cluster.key", "nodes"]);
    expect(readdirSync(machine.at("my secrets", "nodes")).sort()).toEqual(["beta.crt", "beta.key"]);
    const secrets = loadSecrets({ dir, address: { host: "10.0.0.2" } });
    expect([secrets.identity?.name, secrets.warnings]).toEqual(["beta", []]);
  });

  test("init refuses what makes no certificate, and makes nothing", async () => {
    using workspace = new Workspace();
    for (const [words, said] of [
      [["--node", "a/b"], 'the node\'s name is "a/b"'],
      [["--node", "a=10.0.0.1:80"], "without port, by which"],
      [["--node", "a="], "NAME=HOST,HOST is required"],
      [["--node", "a", "--days", "0"], "from 1 to 3652"],
      [["--node", "a", "--days", "soon"], "a whole number of days"],
    ] as const) {
      const ended = await workspace.exec(["init", "secrets", ...words]);
      expect(ended.code).not.toBe(0);
      expect(ended.stderr).toContain(said);
    }
    expect(workspace.exists("secrets")).toBe(false);
  });
});

describe("key", () => {
  test("key replaces a key in three steps and shows ids only", async () => {
    using workspace = new Workspace();
    await workspace.exec(["init", "secrets"]);
    const file = workspace.at("secrets", "cluster.key");
    const old = readKeyFile(file).first;
    const added = await workspace.exec(["key", "add", "secrets"]);
    const fresh = readKeyFile(file).keys[1]!;
    expect(added.stdout).toBe(`${old.id}  signs and is believed\n${fresh.id}  is believed\n`);
    expect(added.stderr).toContain("Copy the file to every node");
    expect((await workspace.exec(["key", "use", file, fresh.id])).code).toBe(0);
    expect(readKeyFile(file).first.sameAs(fresh)).toBe(true);
    const refused = await workspace.exec(["key", "remove", "secrets", fresh.id]);
    expect([refused.code, refused.stderr.includes("is the one that signs")]).toEqual([78, true]);
    const removed = await workspace.exec(["key", "remove", "secrets", "--json"]);
    expect(JSON.parse(removed.stdout)).toEqual({
      file: "secrets/cluster.key",
      keys: [{ id: fresh.id, does: "signs and is believed" }],
    });
    const everything = [added, refused, removed].map(({ stdout, stderr }) => stdout + stderr).join("");
    for (const key of [old, fresh]) expect(everything).not.toContain(Buffer.from(key.reveal()).toString("base64url"));
    expect(statSync(file).mode & 0o7777).toBe(0o600);
  });

  test("key says which command mends a file that others can read, and which file is not there", async () => {
    using workspace = new Workspace();
    await workspace.exec(["init", "secrets"]);
    chmodSync(workspace.at("secrets", "cluster.key"), 0o644);
    expect((await workspace.exec(["key", "list", "secrets"])).stderr).toContain("Run: chmod 600 secrets/cluster.key");
    const missing = await workspace.exec(["key", "list"]);
    expect([missing.code, missing.stderr.includes(workspace.at("state", "cluster.key"))]).toEqual([66, true]);
    const nowhere = await workspace.exec(["key", "list"], { env: { DISTRIBUTED_SYSTEM_DATA_DIR: "" } });
    expect([nowhere.code, nowhere.stderr.includes(".local/state/distributed_system/cluster.key")]).toEqual([66, true]);
  });

  test("key goes by the data directory and the secrets of nodes that are started with the same flags or environment", async () => {
    using workspace = new Workspace();
    await workspace.exec(["init", "secrets"]);
    const idOf = (dataDir: string): string =>
      loadSecrets({ address: { host: "127.0.0.1" }, dataDir: workspace.at(dataDir) }).keyring.first.id;
    const [state, other] = [idOf("state"), idOf("other")];
    const secret = readKeyFile(workspace.at("secrets", "cluster.key")).first.id;
    const listed = async (words: readonly string[], env = {}): Promise<string> =>
      JSON.parse((await workspace.exec(["key", "list", "--json", ...words], { env })).stdout).keys[0].id;
    expect(await listed([])).toBe(state); // by DISTRIBUTED_SYSTEM_DATA_DIR
    expect(await listed(["--data-dir", "other"])).toBe(other);
    expect(await listed([], { DISTRIBUTED_SYSTEM_DATA_DIR: workspace.at("other") })).toBe(other);
    expect(await listed(["--data-dir", "other", "--secrets", "secrets"])).toBe(secret);
    expect(await listed([], { DISTRIBUTED_SYSTEM_SECRETS: workspace.at("secrets") })).toBe(secret);
    expect(await listed([workspace.at("other", "cluster.key"), "--data-dir", "state"])).toBe(other);
    expect((await workspace.exec(["key", "list", "--data-dir", "other"])).stderr).toBe(
      `${workspace.at("other", "cluster.key")}:\n`,
    );
    const { keys } = JSON.parse((await workspace.exec(["key", "add", "--data-dir", "other", "--json"])).stdout);
    for (const words of [["use", keys[1].id], ["remove"]]) {
      expect((await workspace.exec(["key", ...words, "--data-dir", "other"])).code).toBe(0);
    }
    expect(idOf("other")).not.toBe(other);
    expect([idOf("state"), await listed(["secrets"])]).toEqual([state, secret]);
  });
});
