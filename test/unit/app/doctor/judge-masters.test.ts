/** What running masters say, in words: a relaxed mode and damage are never silent. */
import { describe, expect, test } from "bun:test";
import { judgeMasters } from "../../../../src/app/doctor/judge-masters.ts";

const fine = { group: "main", leader: "m1", durability: "fsync" };

describe("judgeMasters()", () => {
  test("is content where none runs, and where all are led, undamaged and durable", () => {
    expect(judgeMasters([]).verdict).toBe("ok");
    expect(judgeMasters([{ name: "m1", groups: [fine, { ...fine, group: "east" }] }])).toEqual({
      verdict: "ok",
      found: "1 master with 2 groups: led, undamaged, durable when acknowledged",
    });
  });

  test("warns of a relaxed durability, of damage, and of a group without a leader, whoever else is fine", () => {
    const told = (groups: Parameters<typeof judgeMasters>[0][number]["groups"]) =>
      judgeMasters([
        { name: "m1", groups: [fine] },
        { name: "m2", groups },
      ]);
    const relaxed = told([{ ...fine, durability: "relaxed" }]);
    expect(relaxed).toMatchObject({ verdict: "warn", advice: expect.stringContaining("--durability fsync") });
    expect(relaxed.found).toContain("group main at m2 is relaxed");
    expect(told([{ ...fine, damage: "votes for nobody" }]).found).toContain("votes for nobody");
    expect(told([{ ...fine, leader: undefined }])).toMatchObject({ verdict: "warn" });
  });

  test("does not know of one that gives no answer, and still warns of the others", () => {
    const silent = { name: "m1", groups: { failure: "no answer" } };
    expect(judgeMasters([silent])).toEqual({ verdict: "unknown", found: "m1: no answer" });
    const relaxed = { name: "m2", groups: [{ ...fine, durability: "relaxed" }] };
    expect(judgeMasters([silent, relaxed]).verdict).toBe("warn");
  });
});
