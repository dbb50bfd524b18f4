/** Who is let in: by address, and a whole network of IPv6 for one address. */
import { describe, expect, test } from "bun:test";
import { Admission } from "../../../../../src/edge/gateway/listener/admission.ts";

const LIMITS = { connectionsMax: 100, connectionsPerAddressMax: 3 };

function entering(addresses: readonly string[]): { readonly admission: Admission; readonly entered: string[] } {
  const admission = new Admission();
  return { admission, entered: addresses.filter((address) => admission.enter(address, LIMITS)) };
}

describe("Admission", () => {
  test("enter() counts all of a /64 as one when its addresses differ", () => {
    const { admission, entered } = entering(Array.from({ length: 20 }, (_, at) => `2001:db8::${at.toString(16)}`));
    expect([entered.length, admission.connections]).toEqual([3, 3]);
    expect(admission.enter("2001:db8:0:1::1", LIMITS)).toBe(true);
  });

  test("leave() makes room for another address of the network when one has gone", () => {
    const { admission } = entering(["2001:db8::1", "2001:db8::2", "2001:db8::3"]);
    admission.leave("2001:db8::2");
    expect(admission.enter("2001:db8::ffff", LIMITS)).toBe(true);
    expect(admission.enter("2001:db8::ffff", LIMITS)).toBe(false);
  });

  test("enter() counts addresses of IPv4 each by itself, and what is no address by its text", () => {
    const { entered } = entering(["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "", ""]);
    expect(entered).toEqual(["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "", ""]);
  });
});
