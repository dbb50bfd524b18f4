import { describe, expect, test } from "bun:test";
import { parseMasters } from "../../../../src/app/consensus/masters-list.ts";
import { consensusSettings, seedsWith } from "../../../../src/app/consensus/settings.ts";

describe("parseMasters()", () => {
  test("parseMasters() takes addresses with and without ids", () => {
    expect(parseMasters("127.0.0.1:8080, m2=node2.example:8090,m3=[::1]:8100")).toEqual([
      { id: undefined, address: { host: "127.0.0.1", port: 8080 } },
      { id: "m2", address: { host: "node2.example", port: 8090 } },
      { id: "m3", address: { host: "::1", port: 8100 } },
    ]);
  });

  test("parseMasters() tells all faults at once", () => {
    const words = ["a b=127.0.0.1:1", "127.0.0.1", "127.0.0.1:0", "x=127.0.0.1:5,x=127.0.0.1:5"];
    expect(() => parseMasters(words.join(","))).toThrow(
      /"a b" is no id.*"127\.0\.0\.1" is no HOST:PORT.*"127\.0\.0\.1:0" is no.*127\.0\.0\.1:5 stands there twice; x stands there twice/,
    );
    expect(() => parseMasters(Array.from({ length: 8 }, (_, at) => `h:${at + 1}`).join(","))).toThrow("at most 7");
  });
});

describe("consensusSettings()", () => {
  test("consensusSettings() is a group of one with the defaults when nothing is said", () => {
    const settings = consensusSettings({});
    expect(settings).toMatchObject({ masters: undefined, isStandby: false, groups: [], durability: "fsync" });
    expect(settings.raft).toMatchObject({ electionMinMs: 150, electionMaxMs: 300, heartbeatMs: 50 });
  });

  test("consensusSettings() reads times, groups and durability", () => {
    const words = { groups: "orders, main,orders,billing", durability: "relaxed", heartbeat: "100ms" };
    const settings = consensusSettings({ ...words, electionTimeout: "1s..3s" });
    expect(settings.groups).toEqual(["orders", "billing"]);
    expect(settings.durability).toBe("relaxed");
    expect(settings.raft).toMatchObject({ electionMinMs: 1_000, electionMaxMs: 3_000, heartbeatMs: 100 });
    expect(consensusSettings({ electionTimeout: "1s" }).raft.electionMaxMs).toBe(2_000);
  });

  test.each([
    [{ masters: "a:1", standby: true }, "one of them is required"],
    [{ durability: "none" }, "fsync or relaxed is required"],
    [{ groups: "Big Group" }, "small letters"],
    [{ electionTimeout: "soon" }, "--election-timeout"],
    [{ electionTimeout: "100ms..x" }, "--election-timeout"],
    [{ heartbeat: "140ms" }, "heartbeatMs"],
    [{ heartbeat: "often" }, "--heartbeat"],
  ])("consensusSettings() refuses %j", (words, message) => {
    expect(() => consensusSettings(words)).toThrow(message);
  });
});

describe("seedsWith()", () => {
  test("seedsWith() adds the masters to the seeds", () => {
    const settings = { seeds: ["s:1"], id: "m" };
    expect(seedsWith(settings, consensusSettings({ masters: "m=h:2,i:3" }))).toEqual({
      seeds: ["s:1", "h:2", "i:3"],
      id: "m",
    });
  });
});
