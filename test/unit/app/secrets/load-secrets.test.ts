/** The secrets a process finds: by itself on loopback, only by what `init` made off it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { loadSecrets, type SecretsRequest } from "../../../../src/app/secrets/load-secrets.ts";
import { makeSecrets } from "../../../../src/app/secrets/make-secrets.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { readKeyFile, Tokens } from "../../../../src/wire/auth/index.ts";
import { codeOf, failureOf, SetClock, seededEntropy } from "../../../support/auth.ts";
import { Workspace } from "../../../support/workspace.ts";

const DAY_MS = 24 * 60 * 60_000;
const LOCAL = { address: { host: "127.0.0.1" } };
const REMOTE = { address: { host: "10.0.0.1" } };

const nodes = [
  { name: "alpha", hosts: ["10.0.0.1"] },
  { name: "beta", hosts: ["10.0.0.2", "beta.example.org"] },
];
let made: Workspace;

beforeAll(async () => {
  made = new Workspace();
  await makeSecrets(made.at("secrets"), nodes, systemClock);
});
afterAll(() => made[Symbol.dispose]());

/** What the machine of one node gets of it. */
function copied(workspace: Workspace, ...names: string[]): string {
  const dir = workspace.at("secrets");
  cpSync(made.at("secrets"), dir, { recursive: true });
  rmSync(join(dir, "ca.key"));
  for (const { name } of nodes) {
    if (!names.includes(name)) for (const end of ["crt", "key"]) rmSync(join(dir, "nodes", `${name}.${end}`));
  }
  return dir;
}

describe("loadSecrets() on loopback", () => {
  test("loadSecrets() makes the key when there is none, and finds the same one ever after", () => {
    using workspace = new Workspace();
    const dataDir = workspace.at("deep", "state");
    const first = loadSecrets({ ...LOCAL, dataDir });
    expect(first.keyFile).toBe(join(dataDir, "cluster.key"));
    expect([statSync(first.keyFile).mode & 0o7777, statSync(dataDir).mode & 0o7777]).toEqual([0o600, 0o700]);
    expect([first.tls, first.identity, first.identities, first.warnings]).toEqual([
      undefined,
      undefined,
      undefined,
      [],
    ]);
    for (const host of ["localhost", "::1", "127.0.0.2"]) {
      expect(loadSecrets({ address: { host }, dataDir, role: "client" }).keyring.sameAs(first.keyring)).toBe(true);
    }
  });

  test("loadSecrets() refuses a key that others can read, rather than making another", async () => {
    using workspace = new Workspace();
    const dataDir = workspace.at("state");
    const { keyFile } = loadSecrets({ ...LOCAL, dataDir });
    chmodSync(keyFile, 0o644);
    const before = readFileSync(keyFile, "utf8");
    expect(await codeOf(() => loadSecrets({ ...LOCAL, dataDir }))).toBe("auth.file_not_private");
    expect(readFileSync(keyFile, "utf8")).toBe(before);
  });

  test("loadSecrets() makes no key in a directory that was named for the purpose", async () => {
    using workspace = new Workspace();
    expect(await codeOf(() => loadSecrets({ ...LOCAL, dir: workspace.path }))).toBe("secrets.required");
    expect(workspace.exists("cluster.key")).toBe(false);
  });
});

describe("loadSecrets() off loopback", () => {
  test("loadSecrets() refuses without key or TLS material, says what to run, and makes nothing", async () => {
    using workspace = new Workspace();
    const advised = {
      "10.0.0.1": "10.0.0.1",
      ...Object.fromEntries(["0.0.0.0", "0", "0.0", "000.0.0.0", "0x0"].map((host) => [host, "HOST"])),
      ...Object.fromEntries(["[::]", "::", "::0", "::ffff:0.0.0.0", "*"].map((host) => [host, "HOST"])),
      "127.300.1.1": "127.300.1.1",
      "[fd00::1]": "fd00::1",
      "n.example.org": "n.example.org",
    };
    for (const [host, reached] of Object.entries(advised)) {
      const { code, message } = await failureOf(() =>
        loadSecrets({ address: { host }, dataDir: workspace.at("state") }),
      );
      expect(code).toBe("secrets.required");
      expect(message).toContain(`distributed_system init DIR --node NAME=${reached},`);
    }
    expect(workspace.exists("state")).toBe(false);
    const dir = workspace.at("state");
    loadSecrets({ ...LOCAL, dataDir: dir }); // the key alone is not enough
    const { code, message } = await failureOf(() => loadSecrets({ ...REMOTE, dir }));
    expect([code, message.includes(`distributed_system init ${dir}`), message.includes("ca.crt")]).toEqual([
      "secrets.required",
      true,
      true,
    ]);
  });

  test("loadSecrets() refuses an authority that others could replace: its file or its directory", async () => {
    using workspace = new Workspace();
    const dir = copied(workspace, "alpha");
    const authority = join(dir, "ca.crt");
    for (const [path, bad, good] of [
      [authority, 0o666, 0o644],
      [dir, 0o777, 0o700],
    ] as const) {
      chmodSync(path, bad);
      const failure = await failureOf(() => loadSecrets({ ...REMOTE, dir }));
      expect(failure.code).toBe("secrets.writable");
      expect(failure.message).toContain(`chmod go-w '${path}'`);
      chmodSync(path, good);
    }
    expect(loadSecrets({ ...REMOTE, dir }).tls?.own?.name).toBe("alpha");
  });

  test("loadSecrets() finds a node's certificate among what was copied to its machine", () => {
    using workspace = new Workspace();
    const secrets = loadSecrets({ ...REMOTE, dir: copied(workspace, "alpha") });
    expect(secrets.tls?.own?.name).toBe("alpha");
    expect(secrets.identity?.name).toBe("alpha");
    expect(secrets.tls?.ca).toBe(readFileSync(made.at("secrets", "ca.crt"), "utf8"));
    expect(secrets.keyring.sameAs(readKeyFile(made.at("secrets", "cluster.key")))).toBe(true);
    expect(secrets.warnings).toEqual([]);
  });

  test("loadSecrets() chooses among several certificates by address or by id", async () => {
    const dir = made.at("secrets");
    const nameOf = (request: Partial<SecretsRequest>): string | undefined =>
      loadSecrets({ ...REMOTE, dir, ...request }).tls?.own?.name;
    expect(nameOf({})).toBe("alpha");
    expect(nameOf({ address: { host: "10.0.0.2" } })).toBe("beta");
    expect(nameOf({ address: { host: "beta.example.org" } })).toBe("beta");
    expect(nameOf({ address: { host: "0.0.0.0" }, advertise: { host: "10.0.0.2" } })).toBe("beta");
    for (const id of ["beta", "beta@8081"]) expect(nameOf({ address: { host: "0.0.0.0" }, id })).toBe("beta");
    const unclear = await failureOf(() => nameOf({ address: { host: "0.0.0.0" } }));
    expect([unclear.code, unclear.message.includes("alpha, beta")]).toEqual(["secrets.tls", true]);
    expect(await codeOf(() => nameOf({ address: { host: "127.0.0.1" } }))).toBe("secrets.tls"); // each is for its own loopback
    expect(await codeOf(() => nameOf({ id: "../alpha" }))).toBe("secrets.tls");
    const other = await failureOf(() => nameOf({ id: "gamma@7" }));
    expect(other.code).toBe("secrets.required");
    expect(other.message).toContain("--node gamma=10.0.0.1");
    expect(other.message).toContain("or start it with the id alpha or alpha@NUMBER");
  });

  test("loadSecrets() lets a client go without a certificate of its own", () => {
    using workspace = new Workspace();
    const secrets = loadSecrets({ ...REMOTE, dir: copied(workspace), role: "client" });
    expect([secrets.tls?.own, secrets.identity]).toEqual([undefined, undefined]);
    expect(secrets.tls?.ca).toContain("CERTIFICATE");
  });

  test("loadSecrets() refuses a node without its certificate, key, or authority", async () => {
    using workspace = new Workspace();
    expect(await codeOf(() => loadSecrets({ ...REMOTE, dir: copied(workspace) }))).toBe("secrets.required");
    const dir = copied(workspace, "alpha");
    const load = (): Promise<string> => codeOf(() => loadSecrets({ ...REMOTE, dir }));
    chmodSync(join(dir, "nodes", "alpha.key"), 0o640);
    expect(await load()).toBe("auth.file_not_private");
    cpSync(made.at("secrets", "nodes", "beta.key"), join(dir, "nodes", "alpha.key"));
    chmodSync(join(dir, "nodes", "alpha.key"), 0o600);
    expect(await load()).toBe("auth.certificate");
    rmSync(join(dir, "nodes", "alpha.key"));
    expect(await load()).toBe("auth.key_file.not_found");
    await makeSecrets(workspace.at("other"), [], systemClock);
    cpSync(workspace.at("other", "ca.crt"), join(dir, "ca.crt"));
    expect(await load()).toBe("secrets.tls");
    workspace.write("secrets/ca.crt", "nonsense");
    expect(await load()).toBe("secrets.tls");
  });

  test("loadSecrets() refuses a certificate that lies under another node's name", async () => {
    using workspace = new Workspace();
    const dir = copied(workspace, "alpha", "beta");
    for (const end of ["crt", "key"]) cpSync(join(dir, "nodes", `beta.${end}`), join(dir, "nodes", `alpha.${end}`));
    const { code, message } = await failureOf(() => loadSecrets({ ...REMOTE, dir, id: "alpha" }));
    expect([code, message.includes("is the certificate of beta")]).toEqual(["secrets.tls", true]);
  });

  test("loadSecrets() goes by where a node listens and by what it tells others, and takes the less safe of both", async () => {
    using workspace = new Workspace();
    const dataDir = workspace.at("state");
    const [everywhere, here] = [{ host: "0.0.0.0" }, { host: "127.0.0.1" }];
    for (const [address, advertise] of [
      [everywhere, here],
      [here, { host: "10.0.0.1" }],
    ] as const) {
      expect(await codeOf(() => loadSecrets({ address, advertise, dataDir }))).toBe("secrets.required");
    }
    expect(loadSecrets({ address: here, advertise: { host: "localhost" }, dataDir }).tls).toBeUndefined();
  });

  test("loadSecrets() warns of a certificate that ends soon or is not for the address, and refuses one that has ended", async () => {
    const dir = made.at("secrets");
    const at = (days: number): SetClock => new SetClock(Date.now() + days * DAY_MS);
    const [ends, ...more] = loadSecrets({ ...REMOTE, dir, clock: at(340) }).warnings;
    expect(ends).toMatch(/alpha\.crt ends in 2\d days/);
    expect(more).toEqual([]);
    expect(loadSecrets({ address: { host: "10.0.0.7" }, id: "alpha", dir }).warnings[0]).toContain(
      "is not for 10.0.0.7",
    );
    expect(loadSecrets({ address: { host: "0.0.0.0" }, id: "alpha", dir }).warnings).toEqual([]);
    expect(await codeOf(() => loadSecrets({ ...REMOTE, dir, clock: at(366) }))).toBe("secrets.tls");
    expect(await codeOf(() => loadSecrets({ ...REMOTE, dir, clock: at(-1) }))).toBe("secrets.tls");
  });

  test("loadSecrets() gives two nodes what they recognise each other by", async () => {
    using workspace = new Workspace();
    const [here, there] = [workspace.at("here"), workspace.at("there")];
    cpSync(copied(workspace, "alpha"), here, { recursive: true });
    cpSync(copied(workspace, "beta"), there, { recursive: true });
    const tokensOf = (dir: string, host: string): Tokens => {
      const { keyring, identity, identities } = loadSecrets({ dir, address: { host } });
      const ports = { keyring, clock: systemClock, entropy: seededEntropy(host.length) };
      return new Tokens({ ...ports, ...(identity && { identity }), ...(identities && { identities }) });
    };
    const [alpha, beta] = [tokensOf(here, "10.0.0.1"), tokensOf(there, "10.0.0.2")];
    const token = await alpha.issue({ sub: "alpha", aud: "beta" });
    expect((await beta.verify(token, "beta")).id).toBe("alpha");
  });
});
