/** A port mapper and its client under the real keys while the machine's clock is set, and when the two clocks do not agree. */
import { describe, expect, test } from "bun:test";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Failure } from "../../src/base/errors.ts";
import type { PmdAuth, PmdClient, PmdServer } from "../../src/cluster/pmd/index.ts";
import { Tokens } from "../../src/wire/auth/index.ts";
import { failureOf, keyringOf, seededEntropy } from "../support/auth.ts";
import { openClient, peer, startServer } from "../support/pmd.ts";
import { until } from "../support/until.ts";

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** A wall clock that can be set, with real time and timers behind it. Its process may have been up for longer. */
class Wall {
  offMs = 0;
  upMs = 0;
  readonly clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + this.offMs,
    monotonic: () => systemClock.monotonic() + this.upMs,
  };
}

/** As `app/pmd` makes it of the user's key. */
function authOf({ clock }: Wall, seed: number): PmdAuth {
  const tokens = new Tokens({ keyring: keyringOf(1), clock, entropy: seededEntropy(seed) });
  return {
    token: (aud) => tokens.issue({ sub: `process-${seed}`, aud, role: "client", access: "operate" }),
    verify: async (token, aud) => {
      const { id, access } = await tokens.verify(token, aud);
      return { name: id, access };
    },
  };
}

interface Pair extends AsyncDisposable {
  readonly server: PmdServer;
  readonly client: PmdClient;
}

function openPair(ofServer: Wall, ofClient: Wall): Pair {
  const server = startServer({ auth: authOf(ofServer, 11), clock: ofServer.clock });
  const client = openClient(server.port, { auth: authOf(ofClient, 12), clock: ofClient.clock });
  const end = async (): Promise<void> => {
    await client.close();
    await server.close("stopping");
  };
  return { server, client, [Symbol.asyncDispose]: end };
}

describe("the clock of this machine is set", () => {
  test("calls and heart-beats go on through steps back and forward, and no registration is lost over it", async () => {
    const wall = new Wall();
    await using pair = openPair(wall, wall);
    const told: (Failure | undefined)[] = [];
    await pair.client.register(peer("shop", { ttlMs: 1000 }), (why) => told.push(why));
    const beats = async (): Promise<number> => (await pair.client.status()).counts.heartbeats!;
    for (const stepMs of [-10 * SECOND_MS, -HOUR_MS, 2 * HOUR_MS, -HOUR_MS]) {
      wall.offMs += stepMs;
      expect((await pair.client.list()).map(({ alias }) => alias)).toEqual(["shop"]);
      const before = await beats();
      await until("two more heart-beats", async () => (await beats()) >= before + 2);
    }
    expect([told, (await pair.client.status()).counts]).toEqual([[], expect.objectContaining({ expired: 0 })]);
  });

  test("a call that is under way while the clock is set is made once more with a fresh token", async () => {
    const [ofServer, ofClient] = [new Wall(), new Wall()];
    await using pair = openPair(ofServer, ofClient);
    await pair.client.list();
    const auth = authOf(ofServer, 13);
    let calls = 0;
    const setBetween: PmdAuth = {
      verify: (token, aud) => auth.verify(token, aud),
      token: async (aud) => {
        const token = await auth.token(aud);
        if (++calls === 1) ofServer.offMs += HOUR_MS; // signed before, seen behind it
        return token;
      },
    };
    await using late = openClient(pair.server.port, { auth: setBetween, clock: ofServer.clock });
    expect(await late.list()).toEqual([]);
    expect(calls).toBe(2);
  });
});

describe("the clocks of the two sides do not agree", () => {
  test("the client tells another clock from another key, and says by how much it is off", async () => {
    for (const [aheadMs, words] of [
      [90 * SECOND_MS, "its clock is 1 m 30 s ahead of ours"],
      [-2 * HOUR_MS, "its clock is 2 h 0 m behind ours"],
    ] as const) {
      const [ofServer, ofClient] = [new Wall(), new Wall()];
      ofServer.offMs = aheadMs;
      await using pair = openPair(ofServer, ofClient);
      const failure = await failureOf(() => pair.client.list());
      expect([failure.code, failure.retryable]).toEqual(["pmd.clock", true]);
      expect(failure.message).toContain(words);
      expect(failure.message).toContain("(process 4711) works under our key");
      ofServer.offMs = 0;
      expect(await pair.client.list()).toEqual([]);
    }
  });

  test("a client whose clock is ahead by more than the port mapper bears is told so, and a stranger is not", async () => {
    const [ofServer, ofClient] = [new Wall(), new Wall()];
    ofClient.offMs = 45 * SECOND_MS; // a token that old would be taken: the port mapper's proof is believed
    await using pair = openPair(ofServer, ofClient);
    ofClient.upMs = HOUR_MS;
    const failure = await failureOf(() => pair.client.list());
    expect(failure.code).toBe("rpc.unauthenticated");
    expect(failure.message).toContain("in the future; clocks may differ by 30.0 s");
    const headers = { authorization: "Bearer nonsense" };
    const url = `http://127.0.0.1:${pair.server.port}/watch`;
    expect(await (await fetch(url, { headers, keepalive: false })).text()).not.toContain("clock");
  });
});
