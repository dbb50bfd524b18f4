/** Who is locked out, for how long, and who is not. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addressGroup, Lockout, lockedOut } from "../../../../src/edge/token/index.ts";
import { SetClock } from "../../../support/auth.ts";

/** Failures until it locks. */
function failUntilLocked(lockout: Lockout, address: string): number {
  for (let times = 1; times <= 100; times++) if (lockout.failed(address)) return times;
  throw new Error("it never locks");
}

describe("Lockout", () => {
  test("failed() locks an address at the 21st failure in a row, and no other one", () => {
    const lockout = new Lockout(new SetClock());
    expect(failUntilLocked(lockout, "10.0.0.1")).toBe(21);
    expect(lockout.waitMs("10.0.0.1")).toBe(10_000);
    expect(lockout.waitMs("10.0.0.2")).toBe(0);
    expect(lockout.counts()).toEqual({ locks: 1, addresses: 1 });
  });

  test("failed() never locks an address that fails less than 20 times a minute", () => {
    const clock = new SetClock();
    const lockout = new Lockout(clock);
    for (let times = 0; times < 1_000; times++) {
      expect(lockout.failed("10.0.0.1")).toBe(false);
      clock.pass(3_001);
    }
  });

  test("failed() locks for twice as long each time, 15 minutes at most, and anew after half an hour of peace", () => {
    const clock = new SetClock();
    const lockout = new Lockout(clock);
    const waits: number[] = [];
    for (let time = 0; time < 9; time++) {
      failUntilLocked(lockout, "10.0.0.1");
      waits.push(lockout.waitMs("10.0.0.1") / 1_000);
      clock.pass(lockout.waitMs("10.0.0.1"));
      expect(lockout.waitMs("10.0.0.1")).toBe(0);
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 900, 900]);
    clock.pass(30 * 60_000);
    failUntilLocked(lockout, "10.0.0.1");
    expect(lockout.waitMs("10.0.0.1")).toBe(10_000);
  });

  test("mayLook() lets 50 tokens a second be looked at while an address is locked, all otherwise", () => {
    const clock = new SetClock();
    const lockout = new Lockout(clock);
    const looks = (): number => Array.from({ length: 200 }, () => lockout.mayLook("a")).filter(Boolean).length;
    expect(looks()).toBe(200);
    failUntilLocked(lockout, "a");
    expect([looks(), looks()]).toEqual([50, 0]);
    clock.pass(1_000);
    expect(looks()).toBe(50);
    clock.pass(10_000);
    expect(looks()).toBe(200);
  });

  test("failed() remembers so many addresses and no more, and forgets the one heard of longest ago", () => {
    const lockout = new Lockout(new SetClock(), 3);
    failUntilLocked(lockout, "locked");
    for (const address of ["a", "b", "locked", "c"]) lockout.failed(address);
    expect(lockout.counts().addresses).toBe(3);
    expect(lockout.waitMs("locked")).toBeGreaterThan(0);
  });

  test("lockedOut() says how long to wait, in data too, and that it can be tried again", () => {
    const { code, data, retryable } = lockedOut(1234.5);
    expect([code, data, retryable]).toEqual(["auth.locked_out", { retryAfterMs: 1235 }, true]);
  });
});

describe("addressGroup()", () => {
  test("addressGroup() takes a network of IPv6 for one, in any spelling, and IPv4 within IPv6 for IPv4", () => {
    for (const [address, group] of [
      ["10.0.0.1", "10.0.0.1"],
      ["::ffff:10.0.0.1", "10.0.0.1"],
      ["::ffff:a00:1", "10.0.0.1"],
      ["[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2::/64"],
      ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
      ["fe80::1%eth0", "fe80:0:0:0::/64"],
      ["::1", "0:0:0:0::/64"],
      ["1:2::", "1:2:0:0::/64"],
      [undefined, "unknown"],
    ] as const) {
      expect([address, addressGroup(address)]).toEqual([address, group]);
    }
  });

  test("addressGroup() is the same for all addresses of a network and short for any text", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(0xffff), (words, other) => {
        fc.pre(words.slice(0, 5).some((word) => word !== 0));
        const hex = words.map((word) => word.toString(16));
        const neighbour = [...hex.slice(0, 7), other.toString(16)];
        expect(addressGroup(hex.join(":"))).toBe(addressGroup(neighbour.join(":")));
        expect(addressGroup(hex.join(":"))).toBe(`${hex.slice(0, 4).join(":")}::/64`);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => addressGroup(text).length <= 64));
  });
});
