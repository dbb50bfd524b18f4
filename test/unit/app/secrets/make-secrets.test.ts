/** What `init` and `key` do to files: whole or not at all, never over what is there. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { addKey, keyChoice, keyFileAt, listKeys, removeKey, useKey } from "../../../../src/app/secrets/change-keys.ts";
import { loadSecrets } from "../../../../src/app/secrets/load-secrets.ts";
import { makeSecrets } from "../../../../src/app/secrets/make-secrets.ts";
import { createPrivate, replacePrivate } from "../../../../src/app/secrets/private-write.ts";
import { whileLocked } from "../../../../src/app/secrets/secrets-lock.ts";
import { type Clock, systemClock } from "../../../../src/base/clock.ts";
import { isIssuedBy } from "../../../../src/wire/auth/index.ts";
import { codeOf, failureOf } from "../../../support/auth.ts";
import { Workspace } from "../../../support/workspace.ts";

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const contents = (dir: string): string[] => filesIn(dir).map((path) => `${path}\n${readFileSync(path, "utf8")}`);
const modeOf = (path: string): number => statSync(path).mode & 0o7777;

/** Every wait is over at once, and has taken its time. */
function hurriedClock(): Clock {
  let ms = 0;
  const after = (delayMs: number, callback: () => void) => {
    ms += delayMs;
    queueMicrotask(callback);
    return { cancel: () => {} };
  };
  return { now: () => ms, monotonic: () => ms, after };
}

describe("makeSecrets()", () => {
  test("makeSecrets() makes key, authority and a certificate for each node, all for their owner alone", async () => {
    using workspace = new Workspace();
    const dir = workspace.at("deep", "secrets");
    const made = await makeSecrets(
      dir,
      [
        { name: "alpha", hosts: ["10.0.0.1"] },
        { name: "beta", hosts: [] },
      ],
      systemClock,
    );
    const names = [
      "ca.crt",
      "ca.key",
      "cluster.key",
      ...["alpha", "beta"].flatMap((name) => [`nodes/${name}.crt`, `nodes/${name}.key`]),
    ];
    const paths = names.map((name) => join(dir, name));
    expect(filesIn(dir)).toEqual(paths);
    expect([...made.made].sort()).toEqual(paths);
    expect(paths.map(modeOf)).toEqual(paths.map(() => 0o600));
    expect([dir, join(dir, "nodes")].map(modeOf)).toEqual([0o700, 0o700]);
    expect(made.nodes.map(({ name, isNew }) => [name, isNew])).toEqual([
      ["alpha", true],
      ["beta", true],
    ]);
    for (const { cert } of made.nodes)
      expect(isIssuedBy(readFileSync(cert, "utf8"), readFileSync(made.authority, "utf8"))).toBe(true);
  });

  test("makeSecrets() changes nothing that is there, and adds nodes of the same authority", async () => {
    using workspace = new Workspace();
    const dir = workspace.at("secrets");
    await makeSecrets(dir, [{ name: "alpha", hosts: [] }], systemClock);
    const before = contents(dir);
    const again = await makeSecrets(dir, [{ name: "alpha", hosts: ["10.0.0.1"] }], systemClock);
    expect(contents(dir)).toEqual(before);
    expect([again.made, again.nodes.map(({ isNew }) => isNew)]).toEqual([[], [false]]);
    const more = await makeSecrets(dir, [{ name: "beta", hosts: [] }], systemClock);
    expect(contents(dir)).toEqual(expect.arrayContaining(before));
    expect(more.made).toEqual([join(dir, "nodes", "beta.key"), join(dir, "nodes", "beta.crt")]);
    expect(isIssuedBy(readFileSync(more.nodes[0]!.cert, "utf8"), readFileSync(join(dir, "ca.crt"), "utf8"))).toBe(true);
  });

  test("makeSecrets() makes nothing at all when one of the nodes cannot be", async () => {
    using workspace = new Workspace();
    const nodes = [
      { name: "alpha", hosts: [] },
      { name: "../beta", hosts: [] },
    ];
    expect(await codeOf(() => makeSecrets(workspace.at("secrets"), nodes, systemClock))).toBe(
      "auth.certificate_request",
    );
    expect(workspace.exists("secrets")).toBe(false);
  });

  test("makeSecrets() says what is missing when half of a pair is there", async () => {
    using workspace = new Workspace();
    const dir = workspace.at("secrets");
    await makeSecrets(dir, [{ name: "alpha", hosts: [] }], systemClock);
    rmSync(join(dir, "nodes", "alpha.crt"));
    const node = await failureOf(() => makeSecrets(dir, [{ name: "alpha", hosts: [] }], systemClock));
    expect([node.code, node.message.includes("alpha.key without")]).toEqual(["secrets.incomplete", true]);
    rmSync(join(dir, "ca.key"));
    const authority = await failureOf(() => makeSecrets(dir, [{ name: "beta", hosts: [] }], systemClock));
    expect([authority.code, authority.message.includes("init ran first")]).toEqual(["secrets.incomplete", true]);
  });

  test("makeSecrets() refuses an authority's key that others can read", async () => {
    using workspace = new Workspace();
    const dir = workspace.at("secrets");
    await makeSecrets(dir, [], systemClock);
    chmodSync(join(dir, "ca.key"), 0o644);
    expect(await codeOf(() => makeSecrets(dir, [{ name: "alpha", hosts: [] }], systemClock))).toBe(
      "auth.file_not_private",
    );
  });

  test("makeSecrets() waits while another one changes the place, and makes what is missing then", async () => {
    using workspace = new Workspace();
    const dir = workspace.at("secrets");
    const nodes = ["alpha", "beta", "gamma"].map((name) => ({ name, hosts: [] }));
    const all = await Promise.all(nodes.map((node) => makeSecrets(dir, [node], systemClock)));
    expect(new Set(all.map(({ keyId }) => keyId)).size).toBe(1);
    const ca = readFileSync(join(dir, "ca.crt"), "utf8");
    for (const { nodes } of all) expect(isIssuedBy(readFileSync(nodes[0]!.cert, "utf8"), ca)).toBe(true);
  });

  test("whileLocked() gives up when the place stays busy, and lets go whatever happens", async () => {
    using workspace = new Workspace();
    const held = Promise.withResolvers<void>();
    const holding = whileLocked(workspace.path, () => held.promise);
    const busy = await failureOf(() => whileLocked(workspace.path, () => "never", hurriedClock()));
    expect([busy.code, busy.retryable]).toEqual(["secrets.busy", true]);
    held.reject(new Error("failed"));
    await expect(holding).rejects.toThrow("failed");
    expect(await whileLocked(workspace.path, () => "done", hurriedClock())).toBe("done");
  });

  test("makeSecrets() says so when the place cannot be written", async () => {
    using workspace = new Workspace();
    workspace.write("file", "");
    expect(await codeOf(() => makeSecrets(workspace.at("file", "secrets"), [], systemClock))).toBe(
      "secrets.write_failed",
    );
  });
});

describe("createPrivate() and replacePrivate()", () => {
  test("createPrivate() leaves alone what is there, a link to nowhere too, and no other file behind", () => {
    using workspace = new Workspace();
    symlinkSync(workspace.at("elsewhere"), workspace.at("link"));
    expect([createPrivate(workspace.at("a"), "1"), createPrivate(workspace.at("a"), "2")]).toEqual([true, false]);
    expect(createPrivate(workspace.at("link"), "2")).toBe(false);
    expect([workspace.text("a"), workspace.exists("elsewhere")]).toEqual(["1", false]);
    expect(readdirSync(workspace.path).sort()).toEqual(["a", "link"]);
  });

  test("replacePrivate() takes the place of a link, and is for its owner whatever was there", () => {
    using workspace = new Workspace();
    const target = workspace.write("target", "kept");
    symlinkSync(target, workspace.at("link"));
    replacePrivate(workspace.at("link"), "new");
    expect([workspace.text("target"), workspace.text("link"), modeOf(workspace.at("link"))]).toEqual([
      "kept",
      "new",
      0o600,
    ]);
    expect(readdirSync(workspace.path).sort()).toEqual(["link", "target"]);
  });
});

describe("key", () => {
  test("keyFileAt() is the file that a node with the same choices goes by", async () => {
    using workspace = new Workspace();
    await makeSecrets(workspace.at("secrets"), [], systemClock);
    const [secrets, dataDir] = [workspace.at("secrets"), workspace.at("state")];
    const file = workspace.at("secrets", "cluster.key");
    for (const place of [secrets, file]) expect(keyFileAt({ place, secrets: "/other", dataDir })).toBe(file);
    const address = { host: "127.0.0.1" };
    for (const choices of [{ secrets, dataDir }, { secrets }, { dataDir }]) {
      const { keyFile } = loadSecrets({ dir: choices.secrets, dataDir: choices.dataDir, address, role: "client" });
      expect(keyFileAt(choices)).toBe(keyFile);
    }
  });

  test("keyChoice() takes one word for the key meant when it looks like an id and is no file", () => {
    using workspace = new Workspace();
    const dataDir = workspace.path;
    const [file, id] = [workspace.at("cluster.key"), "3f9a01bc"];
    expect(keyChoice({ place: id, dataDir })).toEqual({ file, id });
    expect(keyChoice({ place: id, id, dataDir })).toEqual({ file: id, id });
    expect(keyChoice({ place: "secrets", dataDir })).toEqual({ file: "secrets", id: undefined });
    expect(keyChoice({ dataDir })).toEqual({ file, id: undefined });
    const named = workspace.write(id, "");
    expect(keyChoice({ place: named, dataDir })).toEqual({ file: named, id: undefined });
  });

  test("keyFileAt() leaves a place that cannot be looked at to whoever reads it, who says why", async () => {
    using workspace = new Workspace();
    const place = workspace.at("loop");
    symlinkSync("loop", place);
    expect(keyFileAt({ place })).toBe(place);
    expect(await codeOf(() => listKeys(place))).toBe("auth.key_file");
  });

  test("addKey(), useKey() and removeKey() go through a rotation and back", async () => {
    using workspace = new Workspace();
    await makeSecrets(workspace.path, [], systemClock);
    const file = keyFileAt({ place: workspace.path });
    const [old] = listKeys(file).keys;
    const fresh = (await addKey(file)).keys[1]!;
    expect(await codeOf(() => addKey(file))).toBe("auth.keyring_full");
    expect((await useKey(file, fresh.id)).keys.map(({ id }) => id)).toEqual([fresh.id, old!.id]);
    expect((await useKey(file, fresh.id)).keys.map(({ id }) => id)).toEqual([fresh.id, old!.id]);
    expect(await codeOf(() => removeKey(file, fresh.id))).toBe("auth.key_in_use");
    expect(await codeOf(() => removeKey(file, "none"))).toBe("auth.key_unknown");
    expect((await removeKey(file)).keys).toEqual([{ id: fresh.id, does: "signs and is believed" }]);
    expect(modeOf(file)).toBe(0o600);
  });
});
