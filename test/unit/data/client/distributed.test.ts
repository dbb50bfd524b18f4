import { describe, expect, test } from "bun:test";
import { change, check } from "../../../../src/data/client/index.ts";
import { DISTRIBUTED_TIMEOUT_MS_MAX } from "../../../../src/data/contract/index.ts";
import { REMEMBERED_MS } from "../../../../src/data/transaction/index.ts";
import { DataNodes, lost } from "../../../support/data-nodes.ts";
import { driven } from "../../../support/driven.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const number = (value: string | Uint8Array | undefined): number => Number(value ?? 0);
const plus = (by: number) => (value: string | Uint8Array | undefined) => String(number(value) + by);

describe("TransactionBuilder", () => {
  test("run() does one branch or the other, all of it", async () => {
    const client = new DataNodes().client();
    const transfer = () =>
      client
        .transaction()
        .when(check.counter("account1", ">", 99))
        .do(change.add("account1", -100), change.add("account2", 100), change.put("log", "last", "1 to 2"))
        .otherwise(change.get("log", "last"))
        .run();
    await client.counter("account1").set(100);
    expect(await transfer()).toMatchObject({ succeeded: true, replies: [{ value: 0 }, { value: 100 }, {}] });
    expect(await transfer()).toMatchObject({ succeeded: false, replies: [{ entry: { value: "1 to 2" } }] });
    expect(await client.counter("account2").get()).toBe(100);
  });

  test("run() changes nothing for a holder that has lost its lock", async () => {
    const client = new DataNodes().client();
    const held = await client.lock("leader").acquire();
    const guarded = () =>
      client
        .transaction()
        .when(check.held("leader", held.token))
        .do(change.put("m", "k", "mine"))
        .run();
    expect((await guarded()).succeeded).toBe(true);
    await held.release();
    expect((await guarded()).succeeded).toBe(false);
  });
});

describe("distributedTransaction", () => {
  for (const groups of [["main"], ["main", "east"]]) {
    test(`distributedTransaction() moves money once, whatever is lost, over ${groups.length} group(s)`, async () => {
      const clock = new SteppedClock();
      const nodes = new DataNodes({ clock, groups });
      const [here = "main", there = "main"] = groups;
      const client = nodes.client();
      const account1 = client.map("accounts", { group: here });
      const account2 = client.map("accounts", { group: there });
      await account1.put("alice", "1000");
      await account2.put("bob", "1000");
      let calls = 0;
      nodes.faults.after = () => {
        if (++calls % 3 === 0) throw lost();
      };
      const transfers = Array.from({ length: 12 }, (_, at) =>
        nodes.client().distributedTransaction({ timeoutMs: 60_000 }, async (t) => {
          const amount = at % 2 === 0 ? 100 : -30;
          await t.update(account1, "alice", plus(-amount));
          await t.update(account2, "bob", plus(amount));
          return amount;
        }),
      );
      const amounts = await driven(clock, Promise.all(transfers), 5);
      nodes.faults.after = () => {};
      const moved = amounts.reduce((sum, each) => sum + each, 0);
      expect(number((await account1.get("alice"))?.value)).toBe(1000 - moved);
      expect(number((await account2.get("bob"))?.value)).toBe(1000 + moved);
      for (const machine of nodes.machines.values()) expect(machine.distributed.list(10, 0)).toEqual([]);
    });
  }

  test("distributedTransaction() calls the function again when what it has read was changed", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const map = nodes.client().map("m");
    await map.put("k", "1");
    let times = 0;
    await driven(
      clock,
      nodes.client().distributedTransaction({}, async (t) => {
        const value = number(await t.get("m", "k"));
        if (times++ === 0) await map.put("k", "10");
        t.put("m", "k", String(value + 1));
        t.add("changes", 1);
        t.enqueue("log", "changed");
      }),
      1,
    );
    expect(times).toBe(2);
    expect((await map.get("k"))?.value).toBe("11");
    expect(await nodes.client().counter("changes").get()).toBe(1);
    expect(await nodes.client().queue("log").stats()).toMatchObject({ ready: 1 });
  });

  test("distributedTransaction() sees its own writes", async () => {
    const client = new DataNodes().client();
    const seen = await client.distributedTransaction({}, async (t) => {
      t.put("m", "k", "mine");
      const mine = await t.get("m", "k");
      t.delete("m", "k");
      return [mine, await t.get("m", "k")];
    });
    expect(seen).toEqual(["mine", undefined]);
  });

  test("distributedTransaction() changes nothing when the function throws", async () => {
    const client = new DataNodes().client();
    const failed = client.distributedTransaction({}, (t) => {
      t.put("m", "k", "v");
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await client.map("m").get("k")).toBeUndefined();
  });

  test("distributedTransaction() gives up when others are always faster", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    let value = 0;
    const never = nodes.client().distributedTransaction({ timeoutMs: 2_000 }, async (t) => {
      await t.update("m", "k", plus(1));
      await nodes.client().map("m").put("k", String(++value));
    });
    await expect(driven(clock, never)).rejects.toMatchObject({ code: "data.conflict", retryable: true });
  });

  test("distributedTransaction() takes more time than one try over groups may have", async () => {
    const nodes = new DataNodes({ groups: ["main", "east"] });
    const client = nodes.client();
    await client.distributedTransaction({ timeoutMs: 24 * 3_600_000 }, (t) => {
      t.put("m", "k", "here");
      t.put({ name: "m", group: "east" }, "k", "there");
    });
    expect((await client.map("m", { group: "east" }).get("k"))?.value).toBe("there");
  });

  test("distributedTransaction() asks no more under an id whose end may be forgotten", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock, groups: ["main", "east"] });
    let lastMs = 0;
    nodes.faults.after = () => {
      lastMs = clock.monotonic();
      throw lost();
    };
    const never = nodes.client().distributedTransaction({ timeoutMs: 3_600_000 }, (t) => {
      t.add("count", 1);
      t.add({ name: "count", group: "east" }, 1);
    });
    await expect(driven(clock, never, 500)).rejects.toMatchObject({ code: "data.unknown_outcome" });
    expect(lastMs + DISTRIBUTED_TIMEOUT_MS_MAX).toBeLessThanOrEqual(REMEMBERED_MS);
    expect(nodes.machine("east").counters.get("count")).toBe(1);
  });
});
