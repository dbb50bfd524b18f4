/** Which addresses a dynamic target may have, and what a host is. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { plainAddress } from "../../../../../src/edge/gateway/upstream/addresses.ts";
import { AddressRules, readHost } from "../../../../../src/edge/gateway/upstream/index.ts";
import { codeOf } from "./rig.ts";

const NONE = new AddressRules([]);

describe("denial()", () => {
  test.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "168.63.129.16",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::FFFF:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "fe80::1%eth0",
    "0177.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "not an address",
    "",
  ])("denial() refuses %s", (address) => {
    expect(NONE.denial(address)).toBeString();
  });

  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
  ])("denial() allows %s", (address) => {
    expect(NONE.denial(address)).toBeUndefined();
  });

  test("denial() allows what is listed, in whatever form it comes, and nothing beside it", () => {
    const rules = new AddressRules(["10.1.0.0/16", "fd00::/8"]);
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"]) expect(rules.denial(address)).toBeUndefined();
    for (const address of ["10.2.0.1", "fc12::1", "127.0.0.1"]) expect(rules.denial(address)).toBeString();
  });

  test("denial() says the same of an IPv4 address and of it inside an IPv6 one", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const direct = NONE.denial(address) === undefined;
        expect(NONE.denial(`::ffff:${address}`) === undefined).toBe(direct);
        expect(NONE.denial(`64:ff9b::${address}`) === undefined).toBe(direct);
        expect(NONE.denial(`::${address}`) === undefined).toBe(direct);
        for (const form of [`::ffff:${address}`, `::${address}`]) expect(plainAddress(form)).toBe(address);
      }),
    );
  });

  test.each(["10.0.0.0", "10.0.0.0/33", "example.org", ""])("AddressRules refuses %p as a network", (network) => {
    expect(codeOf(() => new AddressRules([network]))).toBe("gateway.bad_network");
  });
});

describe("readHost()", () => {
  test.each([
    ["example.org", { name: "example.org" }],
    ["EXAMPLE.org.", { name: "example.org" }],
    ["a_b.svc", { name: "a_b.svc" }],
    ["localhost", { name: "localhost" }],
    ["xn--bcher-kva.example", { name: "xn--bcher-kva.example" }],
    ["127.0.0.1", { ip: "127.0.0.1" }],
    ["127.0.0.1.", { ip: "127.0.0.1" }],
    ["[::1]", { ip: "::1" }],
    ["::1", { ip: "::1" }],
    ["[::ffff:127.0.0.1]", { ip: "127.0.0.1" }],
    ["::FFFF:7F00:1", { ip: "127.0.0.1" }],
  ])("readHost() reads %s", (host, expected) => {
    expect(readHost(host)).toEqual(expected as ReturnType<typeof readHost>);
  });

  test.each([
    "",
    ".",
    "..",
    "a..b",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "1.2.3.4.5",
    "256.1.1.1",
    "[127.0.0.1]",
    "[::1",
    "::1]",
    "fe80::1%eth0",
    "a b",
    "a/b",
    "a@b",
    "a:80",
    "-a.org",
    "exämple.org",
    "１２７.0.0.1",
    "a%2eorg",
    `${"a".repeat(64)}.org`,
    `${"a.".repeat(130)}org`,
  ])("readHost() refuses %p", (host) => {
    expect(codeOf(() => readHost(host))).toBe("gateway.bad_host");
  });
});
