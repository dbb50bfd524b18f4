import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { type Lease, MIN_SLOT_BYTES, Pool } from "../../../../src/process/memory/index.ts";
import { HandClock } from "./hand-clock.ts";

const K = MIN_SLOT_BYTES;

function poolOf(slots: number, waitersMax?: number): { pool: Pool; clock: HandClock } {
  const clock = new HandClock();
  const pool = new Pool(new Uint8Array(slots * K), clock, waitersMax === undefined ? {} : { waitersMax });
  return { pool, clock };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  return thrown instanceof Failure ? thrown.code : `no Failure: ${thrown}`;
}

describe("Pool", () => {
  test("tryLease() gives a writable slot of the asked size", () => {
    const { pool } = poolOf(4);
    const lease = pool.tryLease(100, "a")!;
    lease.view.fill(7);
    expect([lease.view.length, lease.offset, lease.owner]).toEqual([100, 0, "a"]);
  });

  test("tryLease() gives undefined when the pool is full", () => {
    const { pool } = poolOf(2);
    pool.tryLease(2 * K, "a");
    expect(pool.tryLease(1, "a")).toBeUndefined();
    expect(pool.statistics().misses).toBe(1);
  });

  test("tryLease() gives undefined when somebody waits, even if there is room", async () => {
    const { pool } = poolOf(4);
    const small = pool.tryLease(K, "a")!;
    const large = pool.lease(4 * K, "b");
    expect(pool.tryLease(1, "c")).toBeUndefined();
    small.release();
    (await large).release();
    expect(pool.tryLease(1, "c")).toBeDefined();
  });

  test("lease() fails at once with memory.too_large when no empty pool could hold it", async () => {
    const { pool } = poolOf(3);
    expect(await codeOf(pool.lease(2 * K + 1, "a"))).toBe("memory.too_large");
    expect(() => pool.tryLease(2 * K + 1, "a")).toThrow("at most 128.0 KiB");
    expect(pool.statistics().refused).toBe(2);
  });

  test("lease() serves in order, so that a large request is not passed by small ones", async () => {
    const { pool } = poolOf(4);
    const held = [0, 1, 2, 3].map(() => pool.tryLease(K, "a")!);
    const served: string[] = [];
    const want = (sizeBytes: number, name: string): Promise<Lease> =>
      pool.lease(sizeBytes, name).then((lease) => {
        served.push(name);
        return lease;
      });
    const large = want(4 * K, "large");
    const small = want(K, "small");
    for (const lease of held.slice(0, 3)) lease.release();
    await Promise.resolve();
    expect(served).toEqual([]);
    held[3]!.release();
    (await large).release();
    await small;
    expect(served).toEqual(["large", "small"]);
  });

  test("lease() fails with memory.wait_ended when its signal aborts, and lets the next one in line go on", async () => {
    const { pool } = poolOf(4);
    pool.tryLease(2 * K, "a");
    const stop = new AbortController();
    const large = pool.lease(4 * K, "b", stop.signal);
    const small = pool.lease(K, "c");
    stop.abort();
    expect(await codeOf(large)).toBe("memory.wait_ended");
    expect((await small).owner).toBe("c");
    expect(await codeOf(pool.lease(1, "d", stop.signal))).toBe("memory.wait_ended");
  });

  test("lease() fails with memory.too_many_waiters when the line is full", async () => {
    const { pool } = poolOf(1, 2);
    pool.tryLease(K, "a");
    const waits = [pool.lease(1, "b"), pool.lease(1, "c")];
    expect(await codeOf(pool.lease(1, "d"))).toBe("memory.too_many_waiters");
    pool.close();
    expect(await Promise.all(waits.map(codeOf))).toEqual(["memory.closed", "memory.closed"]);
  });

  test("statistics() counts bytes, leases, waits and the time they took", async () => {
    const { pool, clock } = poolOf(4);
    const first = pool.tryLease(3 * K, "a")!;
    const second = pool.lease(1, "b");
    clock.advance(25);
    first.release();
    await second;
    expect(pool.statistics()).toEqual({
      sizeBytes: 4 * K,
      usedBytes: K,
      usedBytesMax: 4 * K,
      leases: 1,
      leasesTotal: 2,
      reclaimed: 0,
      waiters: 0,
      waitersMax: 1,
      waitsTotal: 1,
      waitMsTotal: 25,
      misses: 0,
      refused: 0,
    });
  });

  test("releaseOwner() takes back a dead owner's leases, ends its waits and serves the others", async () => {
    const { pool } = poolOf(2);
    const handedOn = pool.tryLease(K, "dead")!;
    const kept = pool.tryLease(K, "dead")!;
    handedOn.transfer("alive");
    const ownWait = pool.lease(K, "dead");
    const otherWait = pool.lease(K, "other");
    expect(pool.releaseOwner("dead")).toBe(1);
    expect(await codeOf(ownWait)).toBe("memory.owner_gone");
    expect((await otherWait).offset).toBe(kept.offset);
    expect([kept.released, handedOn.released, pool.releaseOwner("dead")]).toEqual([true, false, 0]);
    expect(pool.statistics().reclaimed).toBe(1);
  });

  test("close() refuses new leases and still takes old ones back", () => {
    const { pool } = poolOf(2);
    const lease = pool.tryLease(K, "a")!;
    pool.close();
    expect(() => pool.tryLease(K, "a")).toThrow("closed");
    lease.release();
    expect(pool.statistics().usedBytes).toBe(0);
  });

  test("constructor refuses a segment smaller than one slot", () => {
    expect(() => new Pool(new Uint8Array(K - 1), new HandClock())).toThrow("at least 65536");
  });
});

describe("Lease", () => {
  test("release() throws when the lease was released before", () => {
    const { pool } = poolOf(2);
    const lease = pool.tryLease(K, "a")!;
    lease.release();
    expect(() => lease.release()).toThrow("after its release");
    expect(() => lease.view).toThrow("after its release");
    expect(() => lease.transfer("b")).toThrow("after its release");
    expect(() => lease.shrink(0)).toThrow("after its release");
  });

  test("shrink() gives the rest of the slot to who waits for it", async () => {
    const { pool } = poolOf(4);
    const lease = pool.tryLease(4 * K, "a")!;
    const wait = pool.lease(2 * K, "b");
    lease.shrink(K);
    expect((await wait).offset).toBe(2 * K);
    expect(lease.view.length).toBe(K);
    expect(() => lease.shrink(K + 1)).toThrow("shrink of a lease");
  });
});

type Act = {
  readonly kind: "lease" | "release" | "transfer" | "shrink" | "die";
  readonly pick: number;
  readonly sizeBytes: number;
  readonly owner: number;
};
const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom("lease", "lease", "lease", "release", "transfer", "shrink", "die"),
  pick: fc.nat(),
  sizeBytes: fc.integer({ min: 0, max: 9 * K }),
  owner: fc.nat({ max: 3 }),
});

describe("Pool under random crashes", () => {
  test("lease() never gives two holders one byte, and all bytes come back when all owners are dead", async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 8, max: 24 }), fc.array(act, { maxLength: 60 }), crashes));
  });
});

/** Leases stamp their slot with a mark of their own: an overlap shows as somebody else's mark. */
async function crashes(slots: number, acts: readonly Act[]): Promise<void> {
  const { pool } = poolOf(slots);
  const held = new Map<number, Lease>();
  const waits: Promise<unknown>[] = [];
  let marks = 0;
  const hold = (lease: Lease): void => {
    if (lease.released) return;
    held.set(++marks, lease);
    stamp(lease, marks);
  };
  for (const { kind, pick, sizeBytes, owner } of acts) {
    const live = [...held].filter(([, lease]) => !lease.released);
    const chosen = live[pick % Math.max(1, live.length)]?.[1];
    if (kind === "lease")
      waits.push(pool.lease(Math.min(sizeBytes, pool.largestLeaseBytes), `o${owner}`).then(hold, ownerGone));
    else if (kind === "die") pool.releaseOwner(`o${owner}`);
    else if (kind === "release") chosen?.release();
    else if (kind === "transfer") chosen?.transfer(`o${owner}`);
    else if (chosen) chosen.shrink(Math.min(sizeBytes, chosen.sizeBytes));
    await Promise.resolve();
    await Promise.resolve();
    for (const [mark, lease] of held) if (!lease.released) expect(stampOf(lease)).toEqual(stampOf(lease, mark));
  }
  for (let owner = 0; owner <= 3; owner++) pool.releaseOwner(`o${owner}`);
  await Promise.all(waits);
  for (let owner = 0; owner <= 3; owner++) pool.releaseOwner(`o${owner}`);
  expect(pool.statistics()).toMatchObject({ usedBytes: 0, leases: 0, waiters: 0 });
  expect(pool.tryLease(pool.largestLeaseBytes, "last")).toBeDefined();
}

function ownerGone(thrown: unknown): void {
  expect((thrown as Failure).code).toBe("memory.owner_gone");
}

/** First and last byte of every smallest slot: enough to see any overlap of blocks, cheap enough for many runs. */
function* places(lease: Lease): Generator<number> {
  for (let at = 0; at < lease.sizeBytes; at += K) yield at;
  if (lease.sizeBytes > 0) yield lease.sizeBytes - 1;
}

function stamp(lease: Lease, mark: number): void {
  for (const at of places(lease)) lease.view[at] = mark & 0xff;
}

function stampOf(lease: Lease, mark?: number): number[] {
  return [...places(lease)]
    .filter((at) => at % K === 0)
    .map((at) => (mark === undefined ? lease.view[at]! : mark & 0xff));
}
