import { expect, test } from "bun:test";
import { type HealthWatcher, HealthWatches } from "../../../../../src/edge/gateway/convert/health-watches.ts";
import { HEALTH_WATCHERS_MAX, HEALTH_WATCHERS_PER_CLIENT_MAX } from "../../../../../src/edge/gateway/convert/limits.ts";

const never = (): (() => void) => () => {};

test("admit() counts an IPv6 network as one client, and gives a place back once for each that leaves", () => {
  const watches = new HealthWatches(never);
  const admitted: HealthWatcher[] = [];
  for (let at = 0; at < HEALTH_WATCHERS_PER_CLIENT_MAX; at++) admitted.push(watches.admit(`2001:db8::${at}`)!);
  expect(watches.admit("2001:db8::ffff")).toBeUndefined();
  expect(watches.admit("2001:db8:0:1::1")).toBeDefined();
  admitted[0]!.leave();
  admitted[0]!.leave();
  expect(watches.admit("2001:db8::ffff")).toBeDefined();
  expect(watches.admit("2001:db8::ffff")).toBeUndefined();
});

test("admit() has a bound for all clients together", () => {
  const watches = new HealthWatches(never);
  const admitted = Array.from(
    { length: HEALTH_WATCHERS_MAX },
    (_, at) => watches.admit(`10.0.${at >> 8}.${at & 255}`)!,
  );
  expect(admitted).not.toContain(undefined as never);
  expect(watches.admit("192.0.2.1")).toBeUndefined();
  admitted[7]!.leave();
  expect(watches.admit("192.0.2.1")).toBeDefined();
});

test("health() is what was found last for all that watch the same, and looks no more when the last of them leaves", () => {
  let look: (() => void) | undefined;
  const watches = new HealthWatches((again) => {
    look = again;
    return () => {
      look = undefined;
    };
  });
  let isHealthy: boolean | undefined = true;
  const told: string[] = [];
  const watch = (name: string): (() => void) => {
    const watcher = watches.admit("192.0.2.1")!;
    const health = (): boolean | undefined => watcher.health("a", () => isHealthy);
    watcher.tell = () => told.push(`${name} ${health()}`);
    watcher.tell();
    return () => watcher.leave();
  };
  const leaveFirst = watch("first");
  isHealthy = false;
  const leaveSecond = watch("second"); // hears what the first has heard, and the change with it
  look!();
  look!();
  leaveFirst();
  isHealthy = undefined;
  look!();
  leaveSecond();
  expect(told).toEqual(["first true", "second true", "first false", "second false", "second undefined"]);
  expect(look).toBeUndefined();
});
