/** Who asks while the job is under way waits for one more, together with all others. */
import { describe, expect, test } from "bun:test";
import { Joined } from "../../../../src/app/gateway/joined.ts";

function rig() {
  const begun: PromiseWithResolvers<void>[] = [];
  const joined = new Joined(() => {
    const job = Promise.withResolvers<void>();
    begun.push(job);
    return job.promise;
  });
  return { begun, joined };
}

describe("Joined", () => {
  test("ask() begins at once; all who ask while it is under way get one more together, and no further one follows", async () => {
    const { begun, joined } = rig();
    const first = joined.ask();
    const others = Array.from({ length: 100 }, () => joined.ask());
    expect(begun.length).toBe(1);
    begun[0]!.resolve();
    await first;
    await Bun.sleep(0);
    expect(begun.length).toBe(2);
    const behind = joined.ask(); // it may have changed what the second one has read already
    begun[1]!.resolve();
    await Promise.all(others);
    await Bun.sleep(0);
    expect(begun.length).toBe(3);
    begun[2]!.resolve();
    await behind;
    expect(begun.length).toBe(3);
  });

  test("ask() fails for those whose job failed, and the next one is done", async () => {
    const { begun, joined } = rig();
    const outcomes = Promise.allSettled([joined.ask(), joined.ask(), joined.ask()]);
    begun[0]!.reject(new Error("faulty"));
    await Bun.sleep(0);
    begun[1]!.resolve();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    const again = joined.ask();
    begun[2]!.resolve();
    await again;
    expect(begun.length).toBe(3);
  });
});
