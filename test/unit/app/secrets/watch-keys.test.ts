/** A key file that changes under a running process: taken over when it is good, left alone and told of when it is not. */
import { describe, expect, test } from "bun:test";
import { chmodSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { addKey, removeKey, useKey } from "../../../../src/app/secrets/change-keys.ts";
import { ownKeyring } from "../../../../src/app/secrets/own-key.ts";
import { KEY_LOOK_MS, type KeyWatch, watchKeys } from "../../../../src/app/secrets/watch-keys.ts";
import { formatKeyring, type Keyring, readKeyFile } from "../../../../src/wire/auth/index.ts";
import { keyringOf, seededEntropy } from "../../../support/auth.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { Workspace } from "../../../support/workspace.ts";

class Watched implements Disposable {
  readonly workspace = new Workspace();
  readonly file = this.workspace.at("cluster.key");
  readonly clock = new SteppedClock();
  readonly rotated: Keyring[] = [];
  readonly warned: string[] = [];
  readonly watch: KeyWatch;

  constructor() {
    const current = ownKeyring(this.file, seededEntropy(1));
    const ports = {
      rotated: (keyring: Keyring) => this.rotated.push(keyring),
      warn: (text: string) => this.warned.push(text),
    };
    this.watch = watchKeys(this.file, current, { clock: this.clock, ...ports });
  }

  /** Long enough for a change to be seen and judged. */
  look(): void {
    this.clock.advance(2 * KEY_LOOK_MS);
  }

  [Symbol.dispose](): void {
    this.watch.close();
    this.workspace[Symbol.dispose]();
  }
}

describe("watchKeys()", () => {
  test("watchKeys() tells each step of a rotation once", async () => {
    using watched = new Watched();
    watched.look();
    expect(watched.rotated).toEqual([]);
    for (const step of [addKey, useKey, removeKey]) {
      await step(watched.file);
      for (let look = 0; look < 3; look++) watched.look();
      expect(watched.rotated.at(-1)!.sameAs(readKeyFile(watched.file))).toBe(true);
    }
    expect(watched.rotated.map(({ keys }) => keys.length)).toEqual([2, 2, 1]);
    expect(watched.warned).toEqual([]);
  });

  test("watchKeys() tells a change that came before its first look", async () => {
    using watched = new Watched();
    await addKey(watched.file);
    watched.look();
    expect(watched.rotated).toHaveLength(1);
  });

  test("watchKeys() says nothing when the file is written again with the same keys", () => {
    using watched = new Watched();
    writeFileSync(watched.workspace.at("new"), `${formatKeyring(readKeyFile(watched.file))}# a remark\n`, {
      mode: 0o600,
    });
    renameSync(watched.workspace.at("new"), watched.file);
    watched.look();
    expect([watched.rotated, watched.warned]).toEqual([[], []]);
  });

  test("watchKeys() keeps the keys and warns once of a file that is broken, and takes it when it is mended", () => {
    using watched = new Watched();
    writeFileSync(watched.file, "nonsense");
    for (let look = 0; look < 5; look++) watched.look();
    expect(watched.rotated).toEqual([]);
    expect(watched.warned).toHaveLength(1);
    expect(watched.warned[0]).toStartWith("the cluster keys stay as they were: ");
    writeFileSync(watched.file, formatKeyring(keyringOf(5)));
    watched.look();
    expect(watched.rotated.map(({ first }) => first.id)).toEqual([keyringOf(5).first.id]);
    expect(watched.warned).toHaveLength(1);
  });

  test("watchKeys() keeps the keys while others can read the new ones, and takes them when the mode is mended", () => {
    using watched = new Watched();
    writeFileSync(watched.file, formatKeyring(keyringOf(5)));
    chmodSync(watched.file, 0o644);
    watched.look();
    expect(watched.rotated).toEqual([]);
    expect(watched.warned[0]).toContain("chmod 600");
    chmodSync(watched.file, 0o600);
    watched.look();
    expect(watched.rotated).toHaveLength(1);
  });

  test("watchKeys() warns of a file that is gone and goes on looking", () => {
    using watched = new Watched();
    rmSync(watched.file);
    watched.look();
    expect(watched.warned).toHaveLength(1);
    const made = ownKeyring(watched.file, seededEntropy(6));
    watched.look();
    expect(watched.rotated.map(({ first }) => first.id)).toEqual([made.first.id]);
  });

  test("watchKeys() warns once of a file that cannot be looked at, such as a loop of links, and takes the next good one", () => {
    using watched = new Watched();
    rmSync(watched.file);
    symlinkSync("cluster.key", watched.file);
    for (let look = 0; look < 5; look++) watched.look();
    expect(watched.warned).toEqual([expect.stringMatching(/^the cluster keys stay as they were: .*ELOOP/)]);
    rmSync(watched.file);
    writeFileSync(watched.file, "in a file", { mode: 0o600 });
    renameSync(watched.file, watched.workspace.at("parent"));
    symlinkSync(watched.workspace.at("parent", "below"), watched.file); // ENOTDIR, another fault
    for (let look = 0; look < 5; look++) watched.look();
    expect(watched.warned.slice(1)).toEqual([expect.stringContaining("ENOTDIR")]);
    rmSync(watched.file);
    const made = ownKeyring(watched.file, seededEntropy(7));
    watched.look();
    expect(watched.rotated.map(({ first }) => first.id)).toEqual([made.first.id]);
  });

  test("watchKeys() judges no file that is being written just now", () => {
    using watched = new Watched();
    const text = formatKeyring(keyringOf(5));
    for (const size of [10, 100, text.length]) {
      writeFileSync(watched.file, text.slice(0, size));
      watched.clock.advance(KEY_LOOK_MS);
    }
    watched.look();
    expect(watched.warned).toEqual([]);
    expect(watched.rotated).toHaveLength(1);
  });

  test("close() ends the looking", async () => {
    using watched = new Watched();
    watched.watch.close();
    await addKey(watched.file);
    watched.look();
    expect([watched.rotated, watched.clock.timers]).toEqual([[], 0]);
  });
});
