/** Gateways of one cluster count a limit together: real ones, one of them of two processes, over real links. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TestGateway } from "../support/gateway.ts";
import { clientOf, metricOf } from "../support/http.ts";
import { untilAgreed } from "../support/nodes.ts";
import { killHard } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

/** Buckets of 100 that fill within a day, one place in a quarter of an hour: whatever passes in a test is out of them. */
const BURST = 100;
const PROCESSES = 3;
const LINES = [
  "route|alive|/alive|none|reply=200 alive",
  `limit|header:x-shared|${BURST}|24h|REJECT|id=shared,shared=true,missing=allow`,
  `limit|header:x-own|${BURST}|24h|REJECT|id=own,missing=allow`,
];

describe("limits of two gateways of one cluster", () => {
  const folder = new Workspace();
  let first: TestGateway;
  let second: TestGateway;
  let token: string;

  const start = async (name: string, ...args: readonly string[]): Promise<TestGateway> => {
    const env = { DISTRIBUTED_SYSTEM_DATA_DIR: folder.at("state") }; // one key of the cluster
    return TestGateway.start(folder, LINES, { name, env, args: ["--name", name, ...args] });
  };

  beforeAll(async () => {
    first = await start("first", "--processes", "2");
    second = await start("second", "--join", await first.node.address());
    await untilAgreed([first.node, second.node], ["first", "second"]);
    const made = await folder.exec(["token", "create", "--role", "viewer"]);
    token = made.stdout.trim();
  });

  afterAll(async () => {
    await Promise.all([first, second].map((each) => each?.[Symbol.asyncDispose]()));
    folder[Symbol.dispose]();
  });

  /** One request under that key, over a connection of its own. */
  const passes = async (gateway: TestGateway, header: string, key: string): Promise<boolean> => {
    const { status } = await fetch(`${gateway.url}/alive`, {
      keepalive: false,
      headers: { connection: "close", [header]: key },
    });
    expect([200, 429]).toContain(status);
    return status === 200;
  };

  /** Asks until nobody has let one through for a while; gives how many were. */
  const exhaust = async (gateways: readonly TestGateway[], header: string, key: string): Promise<number> => {
    let passed = 0;
    let refused = 0;
    for (let at = 0; refused < 60; at++) {
      const isPassed = await passes(gateways[at % gateways.length]!, header, key);
      if (isPassed) passed++;
      refused = isPassed ? 0 : refused + 1;
    }
    return passed;
  };

  const keysAt = async (gateway: TestGateway, limit: string): Promise<number> => {
    const text = await clientOf(await gateway.node.address(), token).metrics();
    return metricOf(text, `distributed_system_gateway_limit_keys{limit="${limit}"}`) ?? 0;
  };

  test("no more pass than the bound says when all are asked at once", async () => {
    const passed = await exhaust([first, second], "x-shared", "everywhere");
    expect(passed).toBeGreaterThanOrEqual(BURST);
    expect(passed).toBeLessThanOrEqual(PROCESSES * BURST);
    // By now everybody has heard of everything.
    const late = Array.from({ length: 40 }, (_, at) => passes(at % 2 === 0 ? first : second, "x-shared", "everywhere"));
    expect(await Promise.all(late)).toEqual(late.map(() => false));
  });

  test("what passed at one gateway counts at the other, from whichever process it came", async () => {
    const before = await keysAt(second, "shared");
    expect(await exhaust([first], "x-shared", "here")).toBeLessThanOrEqual(2 * BURST);
    await until("the other one has heard of it", async () => (await keysAt(second, "shared")) > before);
    expect(await exhaust([second], "x-shared", "here")).toBeLessThan(BURST);
  });

  test("a limit that is not shared is counted by each gateway, but together by its processes", async () => {
    const atFirst = await exhaust([first], "x-own", "mine");
    expect(atFirst).toBeLessThanOrEqual(2 * BURST);
    expect(await exhaust([second], "x-own", "mine")).toBe(BURST);
  });

  test("a gateway counts alone when the other one is gone, and together with the next one", async () => {
    killHard(first.pid);
    await first.node.exited;
    expect(await exhaust([second], "x-shared", "alone")).toBeGreaterThanOrEqual(BURST);
    await using third = await start("third", "--join", await second.node.address());
    await untilAgreed([third.node], ["second", "third"]);
    const before = await keysAt(third, "shared");
    await until("the new one hears of what passes", async () => {
      await passes(second, "x-shared", `key ${performance.now()}`);
      return (await keysAt(third, "shared")) > before;
    });
  });
});
