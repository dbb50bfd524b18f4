/** Services of one node in real processes: killed, swapped under load, changed on disk, side by side, calling each other. */
import { expect, test } from "bun:test";
import { unlinkSync } from "node:fs";
import { RealServices } from "../support/real-services.ts";
import { until } from "../support/until.ts";

function users(version: string, word: string): string {
  return `
    import { defineService, method } from "distributed-system/service";
    export default defineService({
      name: "users", version: "${version}", instances: 2,
      methods: {
        who: method({ public: true, access: "read", idempotent: true, handler: () => ({ pid: process.pid, word: "${word}" }) }),
        slow: async () => { await Bun.sleep(50); return { pid: process.pid, word: "${word}" }; },
      },
    });`;
}

const ORDERS = `
  import { defineService } from "distributed-system/service";
  export default defineService({
    name: "orders", version: "1.0.0",
    methods: {
      who: () => ({ pid: process.pid }),
      buyer: async (_, { services }) => services.users.who({}),
      broken: async (_, { services }) => services.users.nothing({}),
    },
  });`;

test("a killed process is started again, its service goes on in the other one, and other services notice nothing", async () => {
  await using node = new RealServices();
  node.write("users.ts", users("1.0.0", "one"));
  node.write("orders/main.ts", ORDERS);
  await node.start();
  const [killed] = node.pidsOf("users");
  const load = node.load(["users.who", "orders.who"], 8);
  process.kill(killed!, "SIGKILL");
  await until(
    "the process is replaced",
    () => node.pidsOf("users").length === 2 && !node.pidsOf("users").includes(killed!),
  );
  const { answers, failures } = await load.end();
  expect(answers).toBeGreaterThan(10);
  expect(failures).toEqual([]); // who is idempotent, and the other process is asked at once
  expect(node.statusOf("users")).toMatchObject({ state: "running", restarts: 1 });
  expect(node.statusOf("orders")).toMatchObject({ state: "running", restarts: 0 });
});

test("a process that takes more memory than it may is ended with the reason, and another one serves", async () => {
  await using node = new RealServices();
  const hog =
    "hog: async () => { for (const kept = []; ; kept.push(new Uint8Array(2 ** 23).fill(1))) await Bun.sleep(0); },";
  node.write("users.ts", users("1.0.0", "one").replace("slow:", `${hog} slow:`));
  await node.start();
  expect(await node.codeOf(node.call("users.hog"))).toBe("service.exited");
  expect(node.said.join()).toMatch(/of own memory, its limit is 512.0 MiB, and was killed/);
  expect(await node.call("users.who")).toMatchObject({ word: "one" });
});

test("a swap under load loses no call, and ends the old processes when their calls have ended", async () => {
  await using node = new RealServices();
  const file = node.write("users.ts", users("1.0.0", "old"));
  await node.start();
  const before = node.pidsOf("users");
  const load = node.load(["users.who", "users.slow"], 8);
  node.write("users.ts", users("1.0.0", "new"));
  expect(await node.services.local.swap("users")).toBe("users@1.0.0");
  expect(await node.call("users.who")).toMatchObject({ word: "new" });
  await until("the old processes are gone", () => before.every((pid) => !isThere(pid)));
  const { answers, failures } = await load.end();
  expect(failures).toEqual([]);
  expect(answers).toBeGreaterThan(16);
  node.write("users.ts", "export default 7;");
  expect(await node.codeOf(node.services.local.swap("users"))).toBe("service.definition");
  node.write("users.ts", "export default {{{");
  expect(await node.codeOf(node.services.local.swap("users"))).toBe("service.load");
  expect(await node.call("users.who")).toMatchObject({ word: "new" });
  expect(node.statusOf("users").file).toBe(file);
});

test("versions run side by side, files come and go, and services call each other", async () => {
  await using node = new RealServices();
  node.write("users.ts", users("1.0.0", "one"));
  node.write("users-2.ts", users("2.0.0", "two"));
  node.write("orders/main.ts", ORDERS);
  await node.start();
  expect(await node.call("users@1.who")).toMatchObject({ word: "one" });
  expect(await node.call("users.who")).toMatchObject({ word: "two" });
  expect(await node.call("orders.buyer")).toMatchObject({ word: "two" });
  expect(await node.codeOf(node.call("orders.broken"))).toBe("service.dependency_failed");
  unlinkSync(node.at("users-2.ts"));
  node.write("users.ts", users("1.1.0", "better"));
  node.write("twice.ts", users("1.1.0", "again"));
  const report = await node.services.local.rescan();
  expect(report).toMatchObject({ stopped: ["users@2.0.0"], unchanged: ["orders@1.0.0"] });
  expect(report.faults[0]?.message).toContain("users@1.1.0");
  expect([...report.swapped, ...report.started]).toEqual(["users@1.1.0"]);
  expect(await node.call("orders.buyer")).toMatchObject({ word: expect.stringMatching(/better|again/) });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
