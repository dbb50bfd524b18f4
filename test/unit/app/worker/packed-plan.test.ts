/** Stages and settings as a worker takes them from a master: held against their form before anything is done with them. */
import { describe, expect, test } from "bun:test";
import { unpackPlan, unpackSettings } from "../../../../src/app/worker/packed-plan.ts";
import type { PeerLink } from "../../../../src/wire/link/index.ts";
import type { ArtifactStore } from "../../../../src/work/artifact/index.ts";
import { settingSchema } from "../../../../src/work/pipeline/file/index.ts";

const PLAN = {
  ...{ library: "/p.ts", revision: "1", params: { a: 1 }, name: "stage", policy: "FAIL_FAST", maxRetries: 0 },
  ...{ timeoutMs: 1_000, lanes: 1, sequential: false, stateful: false, exclusive: false, standby: 0 },
  ...{ limits: {}, passEnv: [] },
};

/** Whoever touches them where a stage should have been refused fails the test. */
const nobody = {} as unknown as ArtifactStore & PeerLink;

describe("unpackSettings()", () => {
  test("gives settings as they are, those that are missing as they are by default, and none that is unknown", () => {
    const settings = unpackSettings({ batch_rows: 7, in_later_versions: true });
    expect(settings.batch_rows).toBe(7);
    expect(settings.lease).toBe(settingSchema.lease.default);
    expect(Object.keys(settings)).toEqual(Object.keys(settingSchema));
  });

  test("refuses one of another type", () => {
    expect(() => unpackSettings({ batch_rows: "7" })).toThrow('the setting batch_rows is "7"');
  });
});

describe("unpackPlan()", () => {
  test("refuses what is no stage before anything is fetched", async () => {
    const wrong = [
      undefined,
      { plan: PLAN },
      { plan: { ...PLAN, policy: "HOPE" }, files: [] },
      { plan: { ...PLAN, lanes: 0 }, files: [] },
      { plan: { ...PLAN, limits: { memoryBytes: -1 } }, files: [] },
      { plan: PLAN, files: [{ place: "library", id: "x" }] },
    ];
    for (const payload of wrong)
      await expect(unpackPlan(payload, nobody, nobody)).rejects.toMatchObject({ code: "work.plan" });
  });
});
