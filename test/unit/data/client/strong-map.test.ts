import { describe, expect, test } from "bun:test";
import { DataNodes, lost, noLeader } from "../../../support/data-nodes.ts";
import { driven } from "../../../support/driven.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

async function turns(count = 20): Promise<void> {
  for (let at = 0; at < count; at++) await new Promise((resolve) => setImmediate(resolve));
}

describe("StrongMap", () => {
  test("get() gives what put() has put, with its revision", async () => {
    const map = new DataNodes().client().map("config");
    const revision = await map.put("a", "1");
    await map.put("b", new Uint8Array([255, 0]));
    expect(await map.get("a")).toMatchObject({ key: "a", value: "1", revision, created: revision, version: 1 });
    expect((await map.get("b"))?.value).toEqual(new Uint8Array([255, 0]));
    expect(await map.get("c")).toBeUndefined();
    expect(await map.delete("a")).toBe(true);
    expect(await map.delete("a")).toBe(false);
  });

  test("no call takes half of a surrogate pair, which would come out as something else", async () => {
    const nodes = new DataNodes();
    const client = nodes.client();
    const refused = { code: "data.malformed_text" };
    await expect(client.map("config").put("\ud800", "1")).rejects.toMatchObject(refused);
    await expect(client.map("config").put("a", "1\udfff")).rejects.toMatchObject(refused);
    await expect(client.map("\ud800").get("a")).rejects.toMatchObject(refused);
    await expect(client.queue("q").enqueue(["ok", "\udfff"])).rejects.toMatchObject(refused);
    expect(nodes.applied).toEqual([]);
    await client.map("config").put("\u{1f600}", "whole");
    expect((await client.map("config").get("\u{1f600}"))?.value).toBe("whole");
  });

  test("cas() changes what is as expected, and says what it is otherwise", async () => {
    const map = new DataNodes().client().map("app-config");
    await map.put("version", "1.0");
    expect(await map.cas("version", { value: "1.0" }, "1.1")).toMatchObject({ swapped: true });
    expect(await map.cas("version", { value: "1.0" }, "1.2")).toMatchObject({
      swapped: false,
      current: { value: "1.1" },
    });
    expect(await map.cas("version", { absent: true }, "1.2")).toMatchObject({ swapped: false });
    expect(await map.cas("other", { absent: true }, "x")).toMatchObject({ swapped: true });
    expect(await map.cas("other", { value: "x" }, undefined)).toMatchObject({ swapped: true });
    expect(await map.get("other")).toBeUndefined();
  });

  test("update() loses nothing when many change the same key at once", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const clients = Array.from({ length: 8 }, () => nodes.client().map("m").json<number>());
    const all = Promise.all(
      clients.flatMap((map) => Array.from({ length: 5 }, () => map.update("n", (n = 0) => n + 1))),
    );
    await driven(clock, all, 1);
    expect((await clients[0]!.get("n"))?.value).toBe(40);
  });

  test("update() takes no more than its time, whatever part of it takes long", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const map = nodes.client().map("m");
    await map.put("k", "1");
    nodes.faults.before = (_, { method }) => {
      if (method === "cas") throw noLeader();
    };
    const late = map.update(
      "k",
      () => {
        clock.advance(8_000);
        return "2";
      },
      { timeoutMs: 10_000 },
    );
    await expect(driven(clock, late, 10)).rejects.toMatchObject({ code: "consensus.no_leader" });
    expect(clock.monotonic()).toBeLessThan(11_000);
  });

  test("count() counts a range as large as it is, and deletePrefix() takes away what begins so and nothing else", async () => {
    const map = new DataNodes().client().map("m");
    for (let at = 0; at < 150; at++) await map.put(`user:${at}`, "x");
    await map.put("user;", "x");
    expect([await map.count(), await map.count({ prefix: "user:" })]).toEqual([151, 150]);
    expect([await map.count({ from: "user:99" }), await map.count({ end: "a" })]).toEqual([2, 0]);
    expect(await map.deletePrefix("user:")).toMatchObject({ deleted: 150 });
    expect(await map.count()).toBe(1);
    expect(await map.deletePrefix("")).toMatchObject({ deleted: 1 });
  });

  test("entries() pages through a range as it was at the first page", async () => {
    const nodes = new DataNodes();
    const map = nodes.client().map("m");
    const keys = Array.from({ length: 25 }, (_, at) => `user:${String(at).padStart(2, "0")}`);
    for (const key of keys) await map.put(key, key);
    await map.put("z", "outside");
    const seen: string[] = [];
    for await (const { key } of map.entries({ prefix: "user:", limit: 10 })) {
      if (seen.length === 0) for (const each of keys) await map.delete(each);
      seen.push(key);
    }
    expect(seen).toEqual(keys);
    const after: string[] = [];
    for await (const { key } of map.entries()) after.push(key);
    expect(after).toEqual(["z"]);
  });

  test("watch() gives each change once and in order while nodes come and go", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const map = nodes.client().map("m");
    await map.put("before", "0");
    let tries = 0;
    nodes.faults.before = (_, { method }) => {
      if (method === "watch" && ++tries % 3 === 0) throw lost();
    };
    nodes.faults.after = (_, { method }) => {
      if (method === "watch" && ++tries % 4 === 0) throw lost();
    };
    const end = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { entry, type } of map.watch({ prefix: "k", signal: end.signal })) {
        seen.push(`${type} ${entry.key}=${entry.value}`);
        if (seen.length === 41) end.abort();
      }
    })();
    await turns();
    const writing = (async () => {
      for (let at = 0; at < 40; at++) {
        await nodes
          .client()
          .map("m")
          .put(`k${at % 3}`, String(at));
        await nodes.client().map("m").put("other", String(at));
      }
      await nodes.client().map("m").delete("k0");
    })();
    await driven(clock, Promise.all([writing, watching]), 5);
    expect(seen).toEqual([...Array.from({ length: 40 }, (_, at) => `put k${at % 3}=${at}`), "delete k0=39"]);
  });

  test("watch() begins with history when a revision is named", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const map = nodes.client().map("m");
    for (let at = 0; at < 250; at++) await map.put("k", String(at));
    const seen: unknown[] = [];
    for await (const { entry } of map.watch({ from: 1 })) if (seen.push(entry.value) === 250) break;
    expect(seen).toEqual(Array.from({ length: 250 }, (_, at) => String(at)));
  });

  test("watch() says so when the history that it needs is gone", async () => {
    const nodes = new DataNodes();
    const map = nodes.client().map("m");
    for (let at = 0; at < 5; at++) await map.put("k", String(at));
    await nodes.client().calls.map.compact({ revision: 3 });
    const watching = (async () => {
      for await (const _ of map.watch({ from: 1 })) break;
    })();
    await expect(watching).rejects.toMatchObject({ code: "data.compacted" });
  });

  test("watch() fails when nobody answers for too long", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    nodes.faults.before = () => {
      throw noLeader();
    };
    const watching = (async () => {
      for await (const _ of nodes.client().map("m").watch({ from: 1, silenceMs: 10_000 })) break;
    })();
    await expect(driven(clock, watching, 100)).rejects.toMatchObject({ code: "consensus.no_leader" });
  });

  test("json() refuses what is no JSON, and leaves it as it is", async () => {
    const map = new DataNodes().client().map("m");
    await map.put("k", "{oops");
    await expect(map.json().get("k")).rejects.toMatchObject({ code: "data.not_json" });
    await expect(map.json().update("k", () => 1)).rejects.toMatchObject({ code: "data.not_json" });
    expect((await map.get("k"))?.value).toBe("{oops");
  });

  test("keys that were put under a lease go with it", async () => {
    const nodes = new DataNodes();
    const client = nodes.client();
    const lease = await client.grantLease(5_000);
    await client.map("m").put("k", "v", { lease });
    nodes.pass(3_000);
    await client.keepLease(lease);
    nodes.pass(4_000);
    expect((await client.map("m").get("k"))?.lease).toBe(lease);
    nodes.pass(2_000);
    expect(await client.map("m").get("k")).toBeUndefined();
    await expect(client.keepLease(lease)).rejects.toMatchObject({ code: "data.lease_unknown" });
  });
});
