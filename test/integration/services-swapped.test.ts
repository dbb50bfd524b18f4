/** A service of a running cluster is exchanged under load, and its deadline and its breaker are seen from far away. */
import { expect, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { metricOf } from "../support/http.ts";
import { Load, ServiceCluster } from "../support/services.ts";
import { until } from "../support/until.ts";

interface Word {
  readonly word: string;
}

function words(version: string, word: string): string {
  return `
    import { defineService, method } from "distributed-system/service";
    export default defineService({
      name: "words", version: "${version}",
      methods: {
        now: method({ public: true, access: "read", handler: () => ({ word: "${word}" }) }),
        slow: method({ public: true, access: "read", handler: async () => { await Bun.sleep(30); return { word: "${word}" }; } }),
      },
    });`;
}

test("a swap to a new version under load loses no call, whoever asks and whatever may be asked twice", async () => {
  await using cluster = await ServiceCluster.start(
    { "words/words.ts": words("1.0.0", "old") },
    { n1: { services: ["words"] }, n2: {} },
  );
  await cluster.untilServed("n2", "words", "n1");
  const near = new Load(await cluster.client("n1", "viewer"), ["words.now", "words.slow"], 6);
  const far = new Load(await cluster.client("n2", "viewer"), ["words.now", "words.slow"], 6);
  await Promise.all([near.more(50), far.more(50)]);
  cluster.space.write("words/words.ts", words("1.1.0", "new"));
  const swapped = await cluster.tell("service", "swap", "words", "--node", cluster.address("n1"), "--json");
  expect(JSON.parse(swapped)).toEqual({ service: "words@1.1.0" });
  const isNew = ({ answers }: Load): boolean => (answers as Word[]).some(({ word }) => word === "new");
  await until("both hear the new one", () => isNew(near) && isNew(far));
  await Promise.all([near.more(50), far.more(50)]);
  await Promise.all([near.end(), far.end()]);
  expect([near.failures, far.failures]).toEqual([[], []]);
  for (const { answers } of [near, far]) expect((answers.at(-1) as Word).word).toBe("new");
  const { body } = await (await cluster.client("n2", "viewer")).get<{ services: readonly { version: string }[] }>(
    "/services",
  );
  expect(body.services.map(({ version }) => version)).toEqual(["1.1.0"]);
});

/** What a caller of a caller sees of time. */
const SLOW = `
  import { defineService, method } from "distributed-system/service";
  let begun = 0, given = 0, left = [];
  export default defineService({
    name: "slow", version: "1.0.0",
    methods: {
      hang: method({ public: true, access: "read", handler: (_, { deadlineMs, signal }) => {
        begun++;
        left.push(deadlineMs);
        return new Promise((_, reject) => signal.addEventListener("abort", () => { given++; reject(signal.reason); }));
      } }),
      counts: method({ public: true, access: "read", handler: () => ({ begun, given, left }) }),
    },
  });`;

const MIDDLE = `
  import { defineService, method } from "distributed-system/service";
  export default defineService({
    name: "middle", version: "1.0.0",
    methods: {
      wait: method({ public: true, access: "read", handler: (_, { services }) => services.slow.hang({}, { timeout: "1h" }) }),
    },
  });`;

test("a deadline travels through a service to another node, and a caller that goes away is told to all behind it", async () => {
  await using cluster = await ServiceCluster.start(
    { "slow/slow.ts": SLOW, "middle/middle.ts": MIDDLE },
    { n1: { services: ["slow"] }, n2: { services: ["middle"] }, n3: {} },
  );
  await cluster.untilServed("n3", "middle", "n2");
  await cluster.untilServed("n2", "slow", "n1");
  const viewer = await cluster.client("n3", "viewer");
  const counts = async () =>
    (await viewer.rpc<{ begun: number; given: number; left: readonly number[] }>("slow.counts")).body;
  await until("a call reaches the callee in its time", async () => {
    const late = await viewer.rpc("middle.wait", {}, { "deadline-ms": "400" });
    expect(late).toMatchObject({ status: 504, body: { code: "rpc.deadline_exceeded" } });
    return (await counts()).begun > 0;
  });
  const nobodyWaits = async (): Promise<boolean> => {
    const { begun, given } = await counts();
    return begun === given;
  };
  await until("the callee knows that nobody waits", nobodyWaits);
  const [left] = (await counts()).left;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(400);
  const { begun: before } = await counts();
  const leaving = new AbortController();
  const waiting = viewer.ask("/rpc/middle/wait", { method: "POST", body: "{}", signal: leaving.signal });
  await until("the callee has begun again", async () => (await counts()).begun > before);
  leaving.abort();
  expect(waiting).rejects.toThrow();
  await until("the callee knows that nobody waits", nobodyWaits);
});

const MOODY = `
  import { existsSync } from "node:fs";
  import { defineService, method } from "distributed-system/service";
  let asked = 0;
  export default defineService({
    name: "moody", version: "1.0.0",
    methods: {
      ask: method({ public: true, access: "read", handler: () => {
        asked++;
        if (existsSync(MARK)) throw new Error("not in the mood");
        return { asked };
      } }),
      asked: method({ public: true, access: "read", handler: () => ({ asked }) }),
    },
  });`;

test("a breaker opens at the caller of a service that fails, asks nobody while it is open, and closes again", async () => {
  await using cluster = await ServiceCluster.start({}, { n1: {} });
  const mark = cluster.space.at("mark");
  cluster.space.write("moody/moody.ts", MOODY.replace("MARK", JSON.stringify(mark)));
  await cluster.add("n2", { services: ["moody"] });
  await cluster.untilServed("n1", "moody", "n2");
  const viewer = await cluster.client("n1", "viewer");
  const openOf = async () =>
    metricOf(
      await viewer.metrics(),
      'distributed_system_service_breaker_open{node="n2",service="moody",version="1.0.0"}',
    );
  expect((await viewer.rpc("moody.ask")).status).toBe(200);
  cluster.space.write("mark", "");
  const statuses: unknown[] = [];
  await until("the breaker is open", async () => {
    const { body, status } = await viewer.rpc<{ readonly code: string }>("moody.ask");
    statuses.push(`${status} ${body.code}`);
    return statuses.at(-1) !== statuses[0];
  });
  expect(statuses.length).toBe(6);
  expect([statuses[0], statuses[5]]).toEqual(["500 service.failed", "503 service.unavailable"]);
  expect(await openOf()).toBe(1);
  const callee = await cluster.client("n2", "viewer");
  const asked = async () => (await callee.rpc<{ readonly asked: number }>("moody.asked")).body.asked;
  const before = await asked();
  for (let call = 0; call < 20; call++) expect((await viewer.rpc("moody.ask")).status).toBeOneOf([503, 500]);
  expect((await asked()) - before).toBeLessThanOrEqual(1); // a probe, on a very slow machine
  unlinkSync(mark);
  await until("it is asked again", async () => (await viewer.rpc("moody.ask")).status === 200);
  expect(await openOf()).toBe(0);
});
