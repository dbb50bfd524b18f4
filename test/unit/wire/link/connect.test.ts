/** The dialing side: whoever answers has to prove itself before it hears anything. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../../src/base/clock.ts";
import type { LinkAddress } from "../../../../src/wire/link/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { pack } from "./raw.ts";
import { FakeAuth, failureOf, openNode } from "./support.ts";

interface Impostor extends AsyncDisposable {
  readonly address: LinkAddress;
  /** What the dialer said on its own accord. */
  readonly heard: Uint8Array[];
  readonly tokens: string[];
}

/** Upgrades anybody and sends the given frames. */
function impostor(frames: (request: Request) => Promise<readonly (Uint8Array | string)[]>): Impostor {
  const heard: Uint8Array[] = [];
  const tokens: string[] = [];
  const server = Bun.serve<{ frames: readonly (Uint8Array | string)[] }>({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    async fetch(request, its) {
      tokens.push(request.headers.get("authorization") ?? "");
      its.upgrade(request, { data: { frames: await frames(request) } });
      return undefined;
    },
    websocket: {
      open: (socket) => {
        for (const each of socket.data.frames) socket.send(each as Uint8Array<ArrayBuffer>);
      },
      message: (_, data) => void heard.push(data as Buffer),
    },
  });
  return {
    address: { host: "127.0.0.1", port: server.port! },
    heard,
    tokens,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

const told = { instance: "impostor" };

describe("connectLink()", () => {
  const proofOf = async (auth: FakeAuth, audience: string) => [pack([[0, 1, told, await auth.token(audience)]])];
  for (const [what, frames] of [
    ["proves itself with another key", (nonce: string) => proofOf(new FakeAuth("b", "another"), `a|${nonce}`)],
    ["proves itself to another nonce", () => proofOf(new FakeAuth("b"), "a|AAAAAAAAAAAAAAAAAAAAAA")],
    ["proves itself to another node", (nonce: string) => proofOf(new FakeAuth("b"), `c|${nonce}`)],
    ["proves itself as a client", (nonce: string) => proofOf(new FakeAuth("b", "key", "client"), `a|${nonce}`)],
    ["sends no proof", async () => [pack([[0, 1, told]])]],
    ["sends a text frame", async () => ["hello"]],
    ["sends no hello", async () => [pack([[1, 1, "echo", 1000, 1]])]],
    ["sends a frame too many", async () => [pack([[0, 1, told, "x"]]), pack([[11]])]],
    ["speaks another version", async () => [pack([[0, 9, told, "x"]])]],
    ["speaks a version that cannot be said", async () => [pack([[0, { toString: {} }, told, "x"]])]],
  ] as const) {
    test(`connectLink() fails and says nothing when whoever answers ${what}`, async () => {
      await using rogue = impostor((request) => frames(request.headers.get("link-nonce") ?? ""));
      await using a = openNode("a", { handlers: { echo: { request: () => "secret" } } });
      const { code } = await failureOf(a.dial(rogue.address));
      expect(["link.unproven", "link.malformed", "link.refused", "link.version"]).toContain(code);
      expect(rogue.heard).toEqual([]);
    });
  }

  test("connectLink() fails when the proof of an earlier link is played back", async () => {
    await using b = openNode("b");
    await using a = openNode("a");
    const auth = new FakeAuth("b");
    const nonces: string[] = [];
    const proof = await auth.token("a|first");
    await using rogue = impostor(async (request) => {
      nonces.push(request.headers.get("link-nonce") ?? "");
      return [pack([[0, 1, told, proof]])];
    });
    await failureOf(a.dial(rogue.address));
    await failureOf(a.dial(rogue.address));
    expect(new Set(nonces).size).toBe(2);
    // What the impostor got from the dialer is addressed to the impostor, and of no use elsewhere.
    const stolen = rogue.tokens.map((each) => each.replace("Bearer ", ""));
    const headers = { authorization: `Bearer ${stolen[0]}`, "link-nonce": nonces[0]!, "link-version": "1" };
    const answer = await fetch(`http://127.0.0.1:${b.address.port}/link`, { headers });
    expect(answer.status).toBe(401);
  });

  test("connectLink() fails with link.unreachable when nobody is there, and says why it may be refused", async () => {
    await using b = openNode("b", { key: "another" });
    await using a = openNode("a");
    const refused = await failureOf(a.dial(b));
    expect(refused).toMatchObject({ code: "link.refused", retryable: true });
    expect(refused.message).toContain("refuses this node: it goes by another cluster key");
    expect((await failureOf(a.dial({ host: "127.0.0.1", port: 1 }))).code).toBe("link.unreachable");
  });

  test("connectLink() fails with link.self when a node dials itself", async () => {
    await using a = openNode("a");
    expect((await failureOf(a.dial(a))).code).toBe("link.self");
    await until("nothing to be left", () => a.served.counts().halfOpen === 0);
  });

  test("connectLink() fails with link.timeout when whoever answers says nothing, and with the signal's reason", async () => {
    await using rogue = impostor(async () => []);
    await using a = openNode("a");
    const clock = new SteppedClock();
    const late = failureOf(a.dial(rogue.address, { clock }));
    await until("the upgrade", () => rogue.tokens.length === 1);
    clock.advance(10_000);
    expect((await late).code).toBe("link.timeout");
    const end = new AbortController();
    const given = failureOf(a.dial(rogue.address, { clock: systemClock, signal: end.signal }));
    await until("the upgrade", () => rogue.tokens.length === 2);
    end.abort(new Error("enough"));
    expect(await given).toMatchObject({ code: "link.cancelled", message: "enough" });
  });
});
