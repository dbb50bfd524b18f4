/** The files of tokens: their modes, what becomes of damaged ones, and changes that come together. */
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { secretFrom } from "../../../../src/app/token/jwt-secret.ts";
import { ownKeyRing, rotateKeyFile } from "../../../../src/app/token/key-file.ts";
import { formatLedger, type IssuedRecord, parseLedger, pruned } from "../../../../src/app/token/ledger-text.ts";
import { tokenPlaces } from "../../../../src/app/token/places.ts";
import { TokenLedger } from "../../../../src/app/token/token-ledger.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { codeOf } from "../../../support/auth.ts";
import { Workspace } from "../../../support/workspace.ts";

const HOUR_MS = 3_600_000;

function recordOf(tokenId: string, more: Partial<IssuedRecord> = {}): IssuedRecord {
  const issuedAtMs = systemClock.now();
  const times = { issuedAtMs, expiresAtMs: issuedAtMs + HOUR_MS };
  return {
    tokenId,
    subject: "x",
    role: "viewer",
    scopes: [],
    issuer: "alpha",
    by: "root",
    keyId: "K",
    ...times,
    ...more,
  };
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

describe("the key file", () => {
  test("ownKeyRing() makes the keys once, for the owner alone, and reads them from then on", () => {
    using workspace = new Workspace();
    const path = workspace.at("state", "api-keys.json");
    const made = ownKeyRing(path, systemClock);
    expect(ownKeyRing(path, systemClock).sameAs(made)).toBe(true);
    expect([modeOf(path), modeOf(workspace.at("state"))]).toEqual(["600", "700"]);
  });

  test("ownKeyRing() refuses a file that others can read, that is cut, or that is no file, and leaves it as it is", async () => {
    using workspace = new Workspace();
    const path = workspace.at("api-keys.json");
    ownKeyRing(path, systemClock);
    chmodSync(path, 0o644);
    expect(await codeOf(() => ownKeyRing(path, systemClock))).toBe("auth.file_not_private");
    chmodSync(path, 0o600);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, 100));
    expect(await codeOf(() => ownKeyRing(path, systemClock))).toBe("auth.key_file");
    expect(readFileSync(path, "utf8")).toBe(text.slice(0, 100));
    writeFileSync(path, "");
    expect(await codeOf(() => ownKeyRing(path, systemClock))).toBe("auth.key_file");
    expect(await codeOf(() => ownKeyRing(workspace.path, systemClock))).toBe("auth.key_file");
    symlinkSync("/nowhere", workspace.at("link.json"));
    expect(await codeOf(() => ownKeyRing(workspace.at("link.json"), systemClock))).toMatch(/^(secrets|auth)\./);
  });

  test("ownKeyRing() refuses another user's file", async () => {
    using workspace = new Workspace();
    const path = process.getuid?.() === 0 ? workspace.at("api-keys.json") : "/etc/hostname";
    if (path !== "/etc/hostname") {
      ownKeyRing(path, systemClock);
      chownSync(path, 12_345, 12_345);
    }
    expect(await codeOf(() => ownKeyRing(path, systemClock))).toBe("auth.file_not_private");
  });

  test("rotateKeyFile() believes the key before until its last token ends, or not at all", async () => {
    using workspace = new Workspace();
    const path = workspace.at("api-keys.json");
    const first = ownKeyRing(path, systemClock).first.id;
    const lastMs = systemClock.now() + HOUR_MS;
    const lastExpiry = (keyId: string): number => (keyId === first ? lastMs : 0);
    const rotated = await rotateKeyFile(path, systemClock, { forget: false, lastExpiry });
    expect(ownKeyRing(path, systemClock).sameAs(rotated)).toBe(true);
    expect(rotated.keys.map(({ key, retiresMs }) => [key.id, retiresMs])).toEqual([
      [rotated.first.id, undefined],
      [first, lastMs + 30_000],
    ]);
    expect(rotated.first.id).not.toBe(first);
    const alone = await rotateKeyFile(path, systemClock, { forget: true, lastExpiry });
    expect(alone.publicKeys(0)).toHaveLength(1);
    expect(modeOf(path)).toBe("600");
  });
});

describe("tokenPlaces()", () => {
  test("tokenPlaces() puts both files beside the cluster key, and what changes into the state where that cannot be written", () => {
    using workspace = new Workspace();
    const [secrets, state] = [workspace.at("secrets"), workspace.at("state")];
    const beside = { keys: `${secrets}/api-keys.json`, tokens: `${secrets}/api-tokens.json` };
    workspace.write("secrets/cluster.key", "");
    expect(tokenPlaces(`${secrets}/cluster.key`, state)).toEqual(beside);
    if (process.getuid?.() === 0) return; // nothing is read-only to root
    chmodSync(secrets, 0o500);
    const elsewhere = { keys: `${state}/api-keys.json`, tokens: `${state}/api-tokens.json` };
    expect(tokenPlaces(`${secrets}/cluster.key`, state)).toEqual(elsewhere);
    chmodSync(secrets, 0o700);
  });
});

describe("TokenLedger", () => {
  test("record() and revoke() are on disk when they resolve, also many at once from two ledgers", async () => {
    using workspace = new Workspace();
    const path = workspace.at("state", "api-tokens.json");
    const ledgers = [new TokenLedger(path), new TokenLedger(path)];
    const names = Array.from({ length: 20 }, (_, at) => `t${at}`);
    await Promise.all(names.map((name, at) => ledgers[at % 2]!.record(recordOf(name))));
    await Promise.all(
      ledgers.map((ledger, at) => ledger.revoke([{ tokenId: `t${at}`, expiresAtMs: systemClock.now() + HOUR_MS }])),
    );
    const { issued, lastExpiry, revoked } = new TokenLedger(path).state;
    expect(issued.map(({ tokenId }) => tokenId).sort()).toEqual(names.toSorted());
    expect(revoked.map(({ tokenId }) => tokenId).sort()).toEqual(["t0", "t1"]);
    expect(lastExpiry.K).toBe(Math.max(...issued.map(({ expiresAtMs }) => expiresAtMs)));
    expect(modeOf(path)).toBe("600");
  });

  test("record() writes together what comes together, and reads the file again only when somebody else has changed it", async () => {
    using workspace = new Workspace();
    const path = workspace.at("api-tokens.json");
    const ledger = new TokenLedger(path);
    await Promise.all(Array.from({ length: 100 }, (_, at) => ledger.record(recordOf(`t${at}`))));
    for (let at = 0; at < 5; at++) await ledger.record(recordOf(`u${at}`));
    expect(ledger.refresh().issued).toHaveLength(105);
    expect(ledger.counts()).toEqual({ reads: 1, writes: 6 });
    const other = new TokenLedger(path);
    await other.revoke([{ tokenId: "t0", expiresAtMs: systemClock.now() + HOUR_MS }]);
    expect(ledger.state.revoked).toHaveLength(0);
    expect(ledger.refresh().revoked).toHaveLength(1);
    await ledger.record(recordOf("last"));
    expect(ledger.counts()).toEqual({ reads: 2, writes: 7 });
    expect(other.refresh()).toEqual(ledger.state);
    expect(parseLedger(readFileSync(path, "utf8"), path)).toEqual(ledger.state);
  });

  test("revoke() of what is revoked already writes nothing, and of what lives longer than was thought keeps that", async () => {
    using workspace = new Workspace();
    const ledger = new TokenLedger(workspace.at("api-tokens.json"));
    const expiresAtMs = systemClock.now() + HOUR_MS;
    for (const more of [0, 0, -1, 5]) await ledger.revoke([{ tokenId: "a", expiresAtMs: expiresAtMs + more }]);
    expect(ledger.state.revoked).toEqual([{ tokenId: "a", expiresAtMs: expiresAtMs + 5 }]);
    expect(ledger.counts().writes).toBe(2);
  });

  test("revoke() fails rather than write more than anybody would read again", async () => {
    using workspace = new Workspace();
    const path = workspace.at("api-tokens.json");
    const ledgers = [new TokenLedger(path), new TokenLedger(path)];
    const expiresAtMs = systemClock.now() + HOUR_MS;
    const listOf = (name: string) => Array.from({ length: 9_000 }, (_, at) => ({ tokenId: name + at, expiresAtMs }));
    await ledgers[0]!.revoke(listOf("a"));
    expect(await codeOf(() => ledgers[1]!.revoke(listOf("b")))).toBe("auth.revocations_full");
    expect(new TokenLedger(path).state.revoked).toHaveLength(9_000);
  });

  test("record() fails when nothing can be written, and the next one goes on", async () => {
    using workspace = new Workspace();
    const path = workspace.at("state", "api-tokens.json");
    const ledger = new TokenLedger(path);
    workspace.write("state", "a file in the directory's place");
    expect(await codeOf(() => ledger.record(recordOf("a")))).toBe("secrets.write_failed");
    await Bun.file(workspace.at("state")).delete();
    await ledger.record(recordOf("b"));
    expect(new TokenLedger(path).state.issued.map(({ tokenId }) => tokenId)).toEqual(["b"]);
  });

  test("TokenLedger() refuses a list that is cut, damaged or others': revoked tokens would be good again", async () => {
    using workspace = new Workspace();
    const path = workspace.at("api-tokens.json");
    const ledger = new TokenLedger(path);
    await ledger.record(recordOf("a"));
    const text = readFileSync(path, "utf8");
    for (const wrong of [text.slice(0, -10), "", "{}", text.replace('"viewer"', '"root"')]) {
      writeFileSync(path, wrong);
      expect(await codeOf(() => new TokenLedger(path))).toBe("auth.token_file");
    }
    writeFileSync(path, text);
    chmodSync(path, 0o640);
    expect(await codeOf(() => new TokenLedger(path))).toBe("auth.file_not_private");
  });

  test("pruned() drops what has ended, and of too many tokens those that end soonest", () => {
    const nowMs = systemClock.now();
    const issued = Array.from({ length: 5_000 }, (_, at) => recordOf(`t${at}`, { expiresAtMs: nowMs + 1 + at }));
    const ended = recordOf("ended", { expiresAtMs: nowMs - 30_000 });
    const gone = { tokenId: "gone", expiresAtMs: nowMs - 30_000 };
    const kept = { tokenId: "kept", expiresAtMs: nowMs };
    const next = pruned(
      { issued: [ended, ...issued], revoked: [gone, kept], lastExpiry: { old: nowMs - 30_000, K: nowMs } },
      nowMs,
    );
    expect(next.issued).toEqual(issued.slice(5_000 - 4_096));
    expect([next.revoked, next.lastExpiry]).toEqual([[kept], { K: nowMs }]);
    expect(parseLedger(formatLedger(next), "FILE")).toEqual(next);
  });
});

describe("secretFrom()", () => {
  test("secretFrom() takes the first of two names, none where none is set, and refuses the documents' example", async () => {
    const long = "0123456789abcdef0123456789abcdef";
    expect(secretFrom({})).toBeUndefined();
    expect(secretFrom({ P2P_JWT_SECRET: "" })).toBeUndefined();
    const one = secretFrom({ P2P_JWT_SECRET: long });
    expect(secretFrom({ DISTRIBUTED_SYSTEM_JWT_SECRET: long, P2P_JWT_SECRET: "short" })?.id).toBe(one!.id);
    const example = { P2P_JWT_SECRET: "your-production-secret-key" };
    expect(await codeOf(() => secretFrom(example))).toBe("auth.jwt_secret_weak");
  });
});
