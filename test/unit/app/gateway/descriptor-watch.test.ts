/** No descriptors left: told once, and once when there are some again. */
import { expect, test } from "bun:test";
import { DescriptorWatch } from "../../../../src/app/gateway/descriptor-watch.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

test("DescriptorWatch tells once that none are left, and once that there are some again", () => {
  const clock = new SteppedClock();
  const told: string[] = [];
  let code: string | undefined;
  const watch = new DescriptorWatch({
    clock,
    warn: (text) => told.push(text.split(":")[0]!),
    probe: () => {
      if (code !== undefined) throw Object.assign(new Error("no"), { code });
    },
  });
  const states = [undefined, "ENOENT", "EMFILE", "EMFILE", undefined, undefined, "ENFILE"];
  for (const state of states) {
    code = state;
    clock.advance(2_000);
  }
  const none = "no file descriptors are left";
  expect(told).toEqual([none, "there are file descriptors again", none]);
  watch.close();
  expect(clock.timers).toBe(0);
});

test("DescriptorWatch asks the system itself, and has nothing to tell while all is well", () => {
  const clock = new SteppedClock();
  const told: string[] = [];
  const watch = new DescriptorWatch({ clock, warn: (text) => told.push(text) });
  clock.advance(20_000);
  watch.close();
  expect(told).toEqual([]);
});
