/** Coded bodies are inflated a few at a time, dropped when nobody wants them any more, and count as held until that is over. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../../../src/base/errors.ts";
import { HeldBodies } from "../../../../../src/edge/gateway/guard/held-bodies.ts";
import { INFLATING_MAX, Inflations } from "../../../../../src/edge/gateway/guard/inflations.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { until } from "../../../../support/until.ts";
import { rigOf } from "./mask-rig.ts";

const MIB = 1024 * 1024;

/** Works that end when a test says so. */
function works() {
  const begun: string[] = [];
  const ends: ((outcome: Uint8Array | Failure) => void)[] = [];
  const inflate = (name: string) => (done: (outcome: Uint8Array | Failure) => void) => {
    begun.push(name);
    ends.push(done);
  };
  return { begun, ends, inflate };
}

describe("Inflations", () => {
  test("run() begins a few at a time, in their order, and the next when one is over, however it ended", () => {
    const { begun, ends, inflate } = works();
    const all = new Inflations();
    const bodies = new HeldBodies(1_000);
    const done: unknown[] = [];
    for (const name of ["a", "b", "c", "d"])
      all.run(inflate(name), bodies.holder("x"), (outcome) => done.push(outcome));
    expect([begun, all.running, all.waiting]).toEqual([["a", "b"], INFLATING_MAX, 2]);
    const bytes = new Uint8Array(1);
    const broken = new Failure("gateway.body_unreadable", "no gzip");
    ends[0]!(bytes);
    ends[1]!(broken);
    expect([begun, done, all.running, all.waiting]).toEqual([["a", "b", "c", "d"], [bytes, broken], 2, 0]);
    for (const end of ends.slice(2)) end(bytes);
    expect([all.running, done.length]).toEqual([0, 4]);
  });

  test("cancel() drops one that waits, and of one that has begun the bytes are held until it is over", () => {
    const { begun, ends, inflate } = works();
    const all = new Inflations();
    const bodies = new HeldBodies(1_000);
    const done: unknown[] = [];
    const jobs = ["a", "b", "c", "d"].map((name) => {
      const held = bodies.holder(name);
      expect(held.to(10)).toBe(true);
      return { held, job: all.run(inflate(name), held, () => done.push(name)) };
    });
    for (const { held, job } of jobs.slice(0, 3)) {
      job.cancel();
      held.free();
    }
    expect([bodies.bytes, all.waiting]).toEqual([30, 1]);
    ends[0]!(new Uint8Array(5));
    expect([bodies.bytes, begun]).toEqual([20, ["a", "b", "d"]]);
    for (const end of ends.slice(1)) end(new Uint8Array(5));
    expect([bodies.bytes, done, all.running]).toEqual([10, ["d"], 0]);
  });

  test("run() tells a failure and goes on with the next when one cannot begin", () => {
    const { begun, inflate } = works();
    const all = new Inflations();
    const held = new HeldBodies(100).holder("x");
    const done: unknown[] = [];
    const broken = (): never => {
      throw new Failure("gateway.body_unreadable", "no gzip");
    };
    all.run(broken, held, (outcome) => done.push(outcome instanceof Failure && outcome.code));
    all.run(inflate("a"), held, () => {});
    expect([done, begun, all.running]).toEqual([["gateway.body_unreadable"], ["a"], 1]);
  });
});

describe("RouteMasks with coded bodies", () => {
  const CODED = ["content-type", "text/plain", "content-encoding", "gzip"];
  const coded = gzipSync(Array.from({ length: 60_000 }, (_, at) => `line ${at * 7919}`).join("\n"));

  test("step() leaves nothing to inflate but what has begun when clients go, and holds that until it is over", async () => {
    const { rig, work } = rigOf(["request|card|mask"]);
    for (let at = 0; at < 40; at++) {
      const peer = { address: `192.0.2.${at}`, port: 1 };
      rig.send("/", { method: "POST", headers: CODED, body: new BytesSource(coded), peer }).goes();
    }
    expect([work.inflations.running, work.inflations.waiting]).toEqual([INFLATING_MAX, 0]);
    expect(work.heldBytes).toBeGreaterThan(INFLATING_MAX * coded.length);
    await until("both are over", () => work.inflations.running === 0);
    expect(work.heldBytes).toBe(0);
  });

  test("guard leaves nothing to inflate but what has begun when clients of replies go", async () => {
    const { rig, work } = rigOf(["response|card|mask"]);
    for (let at = 0; at < 40; at++) {
      const client = rig.send("/", { peer: { address: `192.0.2.${at}`, port: 1 } });
      const body = rig.asked(at).begins(200, CODED);
      body.sink!.write(coded);
      body.sink!.end();
      client.goes();
    }
    expect([work.inflations.running, work.inflations.waiting]).toEqual([INFLATING_MAX, 0]);
    expect(work.heldBytes).toBeLessThan(40 * MIB);
    await until("both are over", () => work.inflations.running === 0);
    expect(work.heldBytes).toBe(0);
  });
});
