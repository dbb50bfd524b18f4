/** A key replaced while nodes run: files on two machines change one after the other, and nobody is refused in between. */
import { describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { addKey, removeKey, useKey } from "../../../../src/app/secrets/change-keys.ts";
import { ownKeyring } from "../../../../src/app/secrets/own-key.ts";
import { KEY_LOOK_MS, watchKeys } from "../../../../src/app/secrets/watch-keys.ts";
import { GossipSeal, Tokens } from "../../../../src/wire/auth/index.ts";
import { codeOf, seededEntropy } from "../../../support/auth.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { Workspace } from "../../../support/workspace.ts";

class RunningNode {
  readonly tokens: Tokens;
  readonly seal: GossipSeal;
  readonly warned: string[] = [];
  readonly name: string;

  constructor(name: string, keyFile: string, clock: SteppedClock, seed: number) {
    this.name = name;
    const keyring = ownKeyring(keyFile, seededEntropy(seed));
    const ports = { keyring, clock, entropy: seededEntropy(seed + 1) };
    this.tokens = new Tokens(ports);
    this.seal = new GossipSeal(ports);
    watchKeys(keyFile, keyring, {
      clock,
      rotated: (next) => {
        this.tokens.rotate(next);
        this.seal.rotate(next);
      },
      warn: (text) => this.warned.push(text),
    });
  }

  /** A link's token and a datagram. */
  async speakTo(other: RunningNode): Promise<void> {
    const token = await this.tokens.issue({ sub: this.name, aud: other.name });
    expect((await other.tokens.verify(token, other.name)).id).toBe(this.name);
    expect(other.seal.open(this.seal.seal(Buffer.from("ping"), other.name), other.name).ok).toBe(true);
  }
}

describe("the rotation of a key", () => {
  test("key add, use and remove, copied from machine to machine, leave no moment in which a node is refused", async () => {
    using workspace = new Workspace();
    const clock = new SteppedClock();
    clock.advance(100_000);
    const [here, there] = [workspace.at("here.key"), workspace.at("there.key")];
    ownKeyring(here, seededEntropy(1));
    copyFileSync(here, there);
    const [alpha, beta] = [new RunningNode("alpha", here, clock, 10), new RunningNode("beta", there, clock, 20)];
    const talk = async (): Promise<void> => {
      await alpha.speakTo(beta);
      await beta.speakTo(alpha);
    };
    await talk();
    const old = await alpha.tokens.issue({ sub: "alpha", aud: "beta" });
    const datagram = alpha.seal.seal(Buffer.from("old"), "beta");
    for (const step of [addKey, useKey, removeKey]) {
      await step(here);
      clock.advance(2 * KEY_LOOK_MS);
      await talk(); // beta has the file of the step before
      copyFileSync(here, there);
      clock.advance(2 * KEY_LOOK_MS);
      await talk();
    }
    expect([alpha.warned, beta.warned]).toEqual([[], []]);
    expect(await codeOf(() => beta.tokens.verify(old, "beta"))).toBe("auth.token_key");
    expect(beta.seal.open(datagram, "beta")).toEqual({ ok: false, reason: "key" });
  });
});
