import { expect, test } from "bun:test";
import { CALM, Trace, type Weather, World } from "./index.ts";
import { notebooks } from "./support.ts";

const STEADY: Weather = { ...CALM, delay: { shape: "constant", ms: 5 } };

test("World.send() delivers after the weather's delay, and loses and doubles the share it says", () => {
  const { world, heard } = notebooks(2);
  world.network.weather = { ...STEADY, loss: 0.25, duplicate: 0.25, duplicateMs: 100 };
  for (let count = 0; count < 4_000; count++) world.send(0, 1, `m${count}`);
  world.run(1_000);
  const copies = Map.groupBy(heard, ({ text }) => text);
  const [first, twice] = [
    heard.filter(({ atMs }) => atMs === 5).length,
    [...copies.values()].filter((all) => all.length === 2),
  ];
  expect(first / 4_000).toBeCloseTo(0.75, 1);
  expect(twice.length / 4_000).toBeCloseTo(0.75 * 0.25, 1);
  expect(world.tally.dropped.lost / 4_000).toBeCloseTo(0.25, 1);
});

test("World.send() lets later datagrams overtake earlier ones when the weather reorders, streams never", () => {
  const { world, heard } = notebooks(2);
  world.network.weather = { ...STEADY, reorder: 0.5, reorderMs: 50, loss: 0.2 };
  for (let count = 0; count < 200; count++) {
    world.at(count, () => {
      world.send(0, 1, String(count));
      world.sendStream(0, 1, String(count));
    });
  }
  world.run(60_000);
  const orderOf = (channel: string): number[] =>
    heard.filter(({ via }) => via === channel).map(({ text }) => Number(text));
  const stream = orderOf("stream");
  expect(stream).toEqual(Array.from({ length: 200 }, (_, index) => index));
  const datagrams = orderOf("datagram");
  expect(datagrams).not.toEqual(datagrams.toSorted((a, b) => a - b));
});

test("World.send() does not cross a cut, one-way or both ways, also when it was on its way", () => {
  const { world, heard, texts } = notebooks(2);
  world.network.weather = STEADY;
  world.send(0, 1, "on its way");
  world.network.cut(0, 1);
  world.network.cut(0, 1);
  world.send(0, 1, "there");
  world.send(1, 0, "back");
  world.run(10);
  expect(texts()).toEqual(["back"]);
  world.network.mend(0, 1);
  world.send(0, 1, "one cut is left");
  world.network.mend(0, 1);
  world.send(0, 1, "mended");
  world.run(20);
  expect(heard.map(({ node, text }) => [node, text])).toEqual([
    [0, "back"],
    [1, "mended"],
  ]);
});

test("World.sendStream() tells the sender when nobody listens, when the path is cut either way, and not a later life of it", () => {
  const { world, heard } = notebooks(3);
  world.network.weather = STEADY;
  world.kill(1);
  world.sendStream(0, 1, "to the dead");
  world.network.cut(2, 0);
  world.sendStream(0, 2, "answers are cut");
  world.run(5_000);
  expect(heard.map(({ node, text, via }) => [node, text, via])).toEqual([
    [0, "to the dead", "undelivered"],
    [0, "answers are cut", "undelivered"],
  ]);
  world.sendStream(0, 1, "asked in another life");
  world.kill(0);
  world.start(0);
  world.run(10_000);
  expect(heard).toHaveLength(2);
});

test("Network.clog() holds what is sent and lets it go when the path is free", () => {
  const { world, heard } = notebooks(2);
  world.network.weather = STEADY;
  world.network.clog(0, 1, 500);
  for (let count = 0; count < 3; count++) world.send(0, 1, `held ${count}`);
  world.send(1, 0, "the other way is free");
  world.run(1_000);
  expect(heard[0]).toMatchObject({ text: "the other way is free", atMs: 5 });
  expect(heard.slice(1).map(({ atMs }) => Math.floor(atMs))).toEqual([500, 500, 500]);
});

test("World.pause() lets inputs and timers pile up until resume(), as many as a socket holds", () => {
  const { world, heard } = notebooks(2, 1, 100);
  world.network.weather = STEADY;
  world.at(50, () => world.pause(1));
  for (let count = 0; count < 600; count++) world.at(60, () => world.send(0, 1, `m${count}`));
  world.at(1_000, () => world.resume(1));
  world.run(1_050);
  const atOne = heard.filter(({ node }) => node === 1);
  expect(new Set(atOne.map(({ atMs }) => atMs))).toEqual(new Set([1_000]));
  expect(atOne.filter(({ via }) => via === "wake")).toHaveLength(1);
  expect(atOne.filter(({ via }) => via === "datagram")).toHaveLength(512);
  expect(world.tally.dropped.overflow).toBe(600 - 512);
});

test("World.kill() drops what waits for the process; start() makes another life that hears what comes later", () => {
  const { world, heard } = notebooks(2, 1, 1_000);
  world.network.weather = STEADY;
  world.pause(1);
  world.send(0, 1, "piled up");
  world.run(10);
  world.kill(1);
  world.send(0, 1, "to nobody");
  world.run(20);
  world.send(0, 1, "to the next life");
  world.start(1);
  world.run(1_030);
  expect(
    heard.filter(({ node }) => node === 1).map(({ life, text, via, atMs }) => [life, text, via, Math.round(atMs)]),
  ).toEqual([
    [2, "to the next life", "datagram", 25],
    [2, "", "wake", 1_020],
  ]);
});

test("World lets a slow node handle one input after the other, and forget them when it is killed", () => {
  const { world, heard } = notebooks(2, 3);
  world.network.weather = STEADY;
  world.nodes[1]!.serviceMs = 10;
  for (let count = 0; count < 50; count++) world.send(0, 1, `m${count}`);
  world.run(10_000);
  expect(heard.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, index) => `m${index}`));
  expect(heard.at(-1)!.atMs).toBeGreaterThan(200);
  for (let count = 0; count < 50; count++) world.send(0, 1, "lost with its process");
  world.run(10_006);
  world.kill(1);
  world.start(1);
  world.run(20_000);
  expect(heard.filter(({ text, life }) => text.startsWith("lost") && life === 2)).toEqual([]);
});

test("World.drift() moves the wakes of a node with its clock", () => {
  const { world, heard } = notebooks(1, 1, 100);
  world.run(150);
  world.drift(0, 2);
  world.run(260);
  expect(heard.map(({ atMs }) => Math.round(atMs))).toEqual([100, 175, 225]);
});

test("World.drift() lets a node alone that wants no wake any more, and its clock where it is", () => {
  let wakeAtMs: number | undefined = 0;
  const wakes: number[] = [];
  const world = new World<string>({
    seed: 1,
    nodes: 1,
    trace: new Trace(),
    tagOf: (text) => text.length,
    describe: (text) => text,
    launch: ({ clock }) => {
      wakeAtMs = clock.monotonic() + 100;
      return {
        receive: () => {},
        undelivered: () => {},
        wake: (nowMs) => void wakes.push(nowMs),
        get wakeAtMs() {
          return wakeAtMs;
        },
      };
    },
  });
  world.start(0);
  const startMs = world.nodes[0]!.clock.monotonic();
  wakeAtMs = undefined;
  world.drift(0, 2);
  world.run(1_000);
  expect(wakes).toEqual([]);
  expect(world.nodes[0]!.clock.monotonic() - startMs).toBe(2_000);
});

test("World.run() refuses a process that never lets time pass", () => {
  const { world } = notebooks(1, 1, 0);
  expect(() => world.run(10)).toThrow("wants to be woken again and again");
});
