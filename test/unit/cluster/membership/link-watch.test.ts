import { describe, expect, test } from "bun:test";
import { LinkWatch } from "../../../../src/cluster/membership/link-watch.ts";
import { defaultPhiOptions } from "../../../../src/protocol/phi/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

function start(peersMax = 10) {
  const clock = new SteppedClock();
  const told: string[] = [];
  const options = { phi: defaultPhiOptions, silentAt: 8, lookIntervalMs: 500, peersMax };
  const watch = new LinkWatch(clock, options, (id, state) => void told.push(`${id} ${state}`));
  const beat = (id: string, times: number) => {
    for (let count = 0; count < times; count++) {
      watch.beat(id);
      clock.advance(1_000);
    }
  };
  return { beat, clock, told, watch };
}

describe("LinkWatch", () => {
  test("beat() tells of a peer once, as long as its heart-beats are regular", () => {
    const { beat, told, watch } = start();
    beat("a", 60);
    expect(told).toEqual(["a fresh"]);
    expect(watch.phi("a")!).toBeLessThan(1);
    expect(watch.counts()).toEqual({ linked: 1, beats: 60, silences: 0, closes: 0 });
  });

  test("beat() makes one fresh again that phi has found silent", () => {
    const { beat, clock, told, watch } = start();
    beat("a", 20);
    clock.advance(10_000);
    expect(told).toEqual(["a fresh", "a silent"]);
    expect(watch.phi("a")!).toBeGreaterThan(8);
    beat("a", 1);
    expect(told).toEqual(["a fresh", "a silent", "a fresh"]);
    expect(watch.counts().silences).toBe(1);
  });

  test("close() tells once, and how; what was never linked is of no interest", () => {
    const { beat, clock, told, watch } = start();
    beat("a", 2);
    beat("b", 2);
    watch.close("a", "closed");
    watch.close("a", "closed");
    watch.close("b", "none");
    watch.close("stranger", "closed");
    expect(told).toEqual(["a fresh", "b fresh", "a closed", "b none"]);
    expect(watch.phi("a")).toBeUndefined();
    clock.advance(1_000);
    expect(clock.timers).toBe(0);
  });

  test("retell() says again what a link is like, for one who has just become known", () => {
    const { beat, told, watch } = start();
    beat("a", 1);
    watch.retell("a");
    watch.retell("stranger");
    expect(told).toEqual(["a fresh", "a fresh"]);
    watch.forget("a");
    watch.retell("a");
    beat("a", 1);
    expect(told).toEqual(["a fresh", "a fresh", "a fresh"]);
  });

  test("beat() watches no more peers than allowed", () => {
    const { told, watch } = start(2);
    for (const id of ["a", "b", "c"]) watch.beat(id);
    expect(told).toEqual(["a fresh", "b fresh"]);
  });
});
