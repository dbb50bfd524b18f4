/** Who answers: the master that leads, whoever was asked; and what is said while nobody does. */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import {
  FORWARD_TOPIC,
  type ForwardedCall,
  Leadership,
  NO_LEADER,
  NOBODY_ELSE,
  type Others,
} from "../../../../src/app/master/leadership.ts";
import type { Leading } from "../../../../src/app/master/leading.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { DEPOSED } from "../../../../src/base/kept-state.ts";
import type { RequestContext } from "../../../../src/wire/link/index.ts";
import { defineContract, implement } from "../../../../src/wire/rpc/index.ts";
import { MemoryKept } from "../../../support/kept-state.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const contract = defineContract({
  name: "pipelines",
  version: 1,
  about: "of a test",
  methods: { list: { about: "who", input: z.object({}), output: z.object({ by: z.string() }), access: "read" } },
});
const LIST: ForwardedCall = { contract: "pipelines", method: "list", input: {} };
const LEADER = { id: "m2", address: { host: "127.0.0.1", port: 1 } };

class Rig {
  readonly clock = new SteppedClock();
  readonly log: string[] = [];
  others: Others = NOBODY_ELSE;
  gate: Promise<void> = Promise.resolve();
  readonly leadership: Leadership;
  #lives = 0;

  constructor(readonly name = "m1") {
    this.leadership = new Leadership({
      clock: this.clock,
      others: () => this.others,
      takeUp: async () => this.#take(),
    });
  }

  async #take(): Promise<Leading> {
    const by = `${this.name}.${++this.#lives}`;
    this.log.push(`${by} up`);
    const layDown = async (_: string, { drainMs }: { drainMs?: number } = {}): Promise<void> => {
      this.log.push(`${by} down ${drainMs ?? "now"}`);
      await this.gate;
    };
    return { services: [implement(contract, { list: () => ({ by }) })], layDown } as unknown as Leading; // as much as is used
  }

  async ask(): Promise<unknown> {
    const asked = this.leadership.call(LIST).catch((thrown) => (thrown instanceof Failure ? thrown.code : thrown));
    for (let turn = 0; turn < 100; turn++) {
      await new Promise(setImmediate);
      this.clock.advance(100);
    }
    return asked;
  }
}

/** Two masters whose calls reach each other. */
function pair(): readonly [Rig, Rig] {
  const [one, two] = [new Rig("m1"), new Rig("m2")];
  const context = { peer: { id: "m1" } } as RequestContext; // nobody gives up
  one.others = {
    leader: () => LEADER,
    call: async (_, call) => two.leadership.handlers[FORWARD_TOPIC]!.request!(call, context),
  };
  return [one, two];
}

describe("call()", () => {
  test("is answered here while this master leads, by the life that leads", async () => {
    const { ask, leadership } = bound(new Rig());
    await leadership.takeUp(new MemoryKept());
    expect(await ask()).toEqual({ by: "m1.1" });
    await leadership.layDown("lost");
    await leadership.takeUp(new MemoryKept());
    expect(await ask()).toEqual({ by: "m1.2" });
  });

  test("is passed on to who leads, and is not passed on again", async () => {
    const [one, two] = pair();
    let passed = 0;
    two.others = { leader: () => LEADER, call: async () => void passed++ };
    expect(await one.ask()).toBe(NO_LEADER);
    await two.leadership.takeUp(new MemoryKept());
    expect(await one.ask()).toEqual({ by: "m2.1" });
    expect(passed).toBe(0);
  });

  test("waits a while for somebody to lead", async () => {
    const rig = new Rig();
    const asked = rig.ask();
    await rig.leadership.takeUp(new MemoryKept());
    expect(await asked).toEqual({ by: "m1.1" });
  });

  test("fails in a way that may pass when nobody leads for long", async () => {
    const { clock, leadership } = new Rig();
    const asked = leadership.call(LIST);
    asked.catch(() => {});
    for (let turn = 0; turn < 60; turn++) {
      await new Promise(setImmediate);
      clock.advance(100);
    }
    await expect(asked).rejects.toMatchObject({ code: NO_LEADER, retryable: true });
  });

  test("fails at once as what was called fails", async () => {
    const rig = new Rig();
    await rig.leadership.takeUp(new MemoryKept());
    await expect(rig.leadership.call({ ...LIST, method: "no such" })).rejects.toMatchObject({
      code: "rpc.unknown_method",
    });
    const [one] = pair();
    one.others = { ...one.others, call: () => Promise.reject(new Failure("master.not_found", "no pipeline is x")) };
    await expect(one.leadership.call(LIST)).rejects.toMatchObject({ code: "master.not_found" });
  });

  test("is asked of the next leader when the one that had it is deposed and has done nothing, and only then", async () => {
    const [one, two] = pair();
    await two.leadership.takeUp(new MemoryKept());
    const { call } = one.others;
    const deposedOnce = (data: Record<string, unknown>): void => {
      let calls = 0;
      const fail = () => Promise.reject(new Failure(DEPOSED, "it leads no more", { data }));
      one.others = { ...one.others, call: (...asked) => (calls++ === 0 ? fail() : call(...asked)) };
    };
    deposedOnce({ isUntouched: true });
    expect(await one.ask()).toEqual({ by: "m2.1" });
    deposedOnce({});
    expect(await one.ask()).toBe(DEPOSED);
    deposedOnce({ isUntouched: true });
    await expect(one.leadership.call({ ...LIST, contract: "tasks" })).rejects.toMatchObject({ code: DEPOSED });
  });

  test("refuses what names no method, as it may come over a link", async () => {
    const { leadership } = new Rig();
    const context = { peer: { id: "m2" } } as RequestContext;
    const ask = async () => leadership.handlers[FORWARD_TOPIC]!.request!({ contract: 1 }, context);
    await expect(ask()).rejects.toMatchObject({ code: "rpc.bad_request" });
  });
});

describe("layDown()", () => {
  test("comes before the next life, which waits for its end", async () => {
    const rig = new Rig();
    const gate = Promise.withResolvers<void>();
    rig.gate = gate.promise;
    await rig.leadership.takeUp(new MemoryKept());
    const down = rig.leadership.layDown("lost");
    const up = rig.leadership.takeUp(new MemoryKept());
    await new Promise(setImmediate);
    expect(rig.log).not.toContain("m1.2 up");
    gate.resolve();
    await Promise.all([down, up]);
    expect(rig.log.at(-1)).toBe("m1.2 up");
  });

  test("at once cuts short what lays down in order", async () => {
    const rig = new Rig();
    const gate = Promise.withResolvers<void>();
    rig.gate = gate.promise;
    await rig.leadership.takeUp(new MemoryKept());
    const inOrder = rig.leadership.layDown("ends", { drainMs: 1_000 });
    await new Promise(setImmediate);
    const atOnce = rig.leadership.layDown("deposed");
    expect(rig.log).toEqual(["m1.1 up", "m1.1 down 1000", "m1.1 down now"]);
    gate.resolve();
    await Promise.all([inOrder, atOnce]);
    expect(rig.leadership.leading).toBeUndefined();
  });
});

function bound(rig: Rig) {
  return { leadership: rig.leadership, ask: () => rig.ask() };
}
