/** Addresses as text, and what they are counted by. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { addressKey, canonicalAddress } from "../../../src/base/ip-address.ts";

describe("canonicalAddress()", () => {
  test("canonicalAddress() agrees with a library when the address is well formed", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        if (/^(0*:)*:(0*:)*\d+\./.test(text)) return; // the library takes the long dead form ::1.2.3.4 for IPv4
        const parsed = ipaddr.process(text);
        expect(canonicalAddress(text)).toBe(
          parsed.kind() === "ipv6" ? (parsed as ipaddr.IPv6).toRFC5952String() : parsed.toString(),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  test("canonicalAddress() takes no text for an address when the library does not", () => {
    const characters = fc.constantFrom(..."0123456789abcdef:.:.:%g ");
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 20 }), (text) => {
        if (canonicalAddress(text) === undefined) return;
        expect(text.includes(":") ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text)).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  for (const text of [
    "",
    "1.2.3",
    "01.2.3.4",
    "1.2.3.256",
    "1.2.3.4.5",
    "1::2::3",
    ":1",
    "1:",
    "1:2:3:4:5:6:7:8:9",
    ":::",
    "fe80::1%eth0",
    "12345::",
    "::1.2.3",
    "1.2.3.4 ",
  ]) {
    test(`canonicalAddress() gives nothing when the text is "${text}"`, () => {
      expect(canonicalAddress(text)).toBeUndefined();
    });
  }
});

describe("addressKey()", () => {
  test.each([
    ["1.2.3.4", "1.2.3.4", true],
    ["::ffff:1.2.3.4", "1.2.3.4", true],
    ["2001:db8::1", "2001:db8:0:0:ffff::2", true],
    ["2001:db8:0:1::1", "2001:db8:0:2::1", false],
    ["1.2.3.4", "1.2.3.5", false],
  ] as const)("addressKey() of %s and %s is the same: %p, when 64 bits count", (one, other, isSame) => {
    expect(addressKey(one, 64) === addressKey(other, 64)).toBe(isSame);
  });
});
