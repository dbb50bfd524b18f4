/** Which addresses a proxy is believed. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ClientViews } from "../../../../../src/edge/gateway/limit/index.ts";
import type { RequestHead } from "../../../../../src/wire/http/index.ts";

const PROXY = { address: "10.0.0.1", port: 1 };

function head(headers: string[]): RequestHead {
  return { method: "GET", target: "/", scheme: "http", authority: "gw", headers, version: "1.1" };
}

describe("ClientViews.of()", () => {
  const views = new ClientViews(["10.0.0.0/8", "fd00::/8"]);
  const address = (headers: string[], peer = PROXY.address): string =>
    views.of({ address: peer, port: 1 }, head(headers)).address;

  for (const [headers, found] of [
    [[], "10.0.0.1"],
    [["x-forwarded-for", "203.0.113.7"], "203.0.113.7"],
    [["x-forwarded-for", "1.1.1.1, 203.0.113.7, 10.9.9.9"], "203.0.113.7"],
    [["x-forwarded-for", "1.1.1.1", "x-forwarded-for", "203.0.113.7"], "203.0.113.7"],
    [["x-forwarded-for", "10.1.1.1, 10.2.2.2"], "10.1.1.1"],
    [["x-forwarded-for", "[2001:DB8::0:1]:443"], "2001:db8::1"],
    [["x-forwarded-for", "203.0.113.7:5555"], "203.0.113.7"],
    [["x-forwarded-for", "::ffff:203.0.113.7"], "203.0.113.7"],
    [["x-forwarded-for", "203.0.113.7,"], "10.0.0.1"],
    [["x-forwarded-for", "evil, 203.0.113.7"], "203.0.113.7"],
    [["x-forwarded-for", '"evil", 1.1.1.1, 203.0.113.7, 10.9.9.9'], "203.0.113.7"],
    [["x-forwarded-for", "203.0.113.7, evil"], "10.0.0.1"],
    [["x-forwarded-for", "203.0.113.7, evil, 10.9.9.9"], "10.9.9.9"],
    [["x-forwarded-for", ",203.0.113.7"], "203.0.113.7"],
    [["x-forwarded-for", `${"1.1.1.1,".repeat(40)}203.0.113.7`], "203.0.113.7"],
    [["x-forwarded-for", ""], "10.0.0.1"],
    [["forwarded", 'for="[2001:db8::1]:80";proto=https;host=a.b, for=10.2.3.4'], "2001:db8::1"],
    [["forwarded", "for=203.0.113.7, for=_hidden"], "10.0.0.1"],
    [["forwarded", "for=203.0.113.7, for=unknown, for=10.3.3.3"], "10.3.3.3"],
    [["forwarded", 'for="203.0.113.7'], "10.0.0.1"],
    [["forwarded", "for=203.0.113.7;for=1.1.1.1"], "10.0.0.1"],
    [["forwarded", 'for=", for=203.0.113.7;host="a,b", for=10.9.9.9'], "203.0.113.7"],
    [["forwarded", 'junk";=, for=203.0.113.7;by="a\\"b"'], "203.0.113.7"],
    [["x-forwarded-for", "203.0.113.7", "forwarded", "for=1.1.1.1"], "203.0.113.7"],
    [["x-forwarded-for", "203.0.113.7", "forwarded", "for=203.0.113.7"], "203.0.113.7"],
    [["x-forwarded-for", Array.from({ length: 40 }, () => "10.1.1.1").join(",")], "10.1.1.1"],
  ] as const) {
    test(`of() finds ${found} when a trusted proxy says ${headers.join(" ").slice(0, 80)}`, () => {
      expect(address([...headers])).toBe(found);
    });
  }

  test("of() believes nothing when the peer is no trusted proxy", () => {
    const lies = ["x-forwarded-for", "1.1.1.1", "x-forwarded-proto", "https", "x-forwarded-host", "evil"];
    for (const peer of ["203.0.113.9", "2001:db8::9"])
      expect(views.of({ address: peer, port: 1 }, head(lies))).toEqual({
        address: peer,
        scheme: "http",
        host: "gw",
        isForwarded: false,
      });
    expect(new ClientViews([]).of(PROXY, head(lies)).address).toBe(PROXY.address);
  });

  test("of() takes scheme and host from the trusted proxy when it says them well", () => {
    const said = [
      "x-forwarded-for",
      "203.0.113.7",
      "x-forwarded-proto",
      "https",
      "x-forwarded-host",
      "shop.example:443",
    ];
    expect(views.of(PROXY, head(said))).toMatchObject({
      address: "203.0.113.7",
      scheme: "https",
      host: "shop.example:443",
      isForwarded: true,
    });
    expect(
      views.of({ address: "fd00::5", port: 1 }, head(["forwarded", "for=1.2.3.4;proto=https;host=shop"])),
    ).toMatchObject({ scheme: "https", host: "shop" });
    const odd = ["x-forwarded-for", "203.0.113.7", "x-forwarded-proto", "gopher", "x-forwarded-host", "a b"];
    expect(views.of(PROXY, head(odd))).toMatchObject({ scheme: "http", host: "gw" });
  });

  test("of() takes scheme and host from the family of headers that the address comes from, not from the client's other one", () => {
    const honest = ["x-forwarded-for", "203.0.113.7", "x-forwarded-proto", "http", "x-forwarded-host", "shop.example"];
    const lie = ["forwarded", "for=203.0.113.7;proto=https;host=evil.example"];
    expect(views.of(PROXY, head([...honest, ...lie]))).toMatchObject({ scheme: "http", host: "shop.example" });
    const said = ["forwarded", "for=203.0.113.7", "x-forwarded-proto", "https", "x-forwarded-host", "evil.example"];
    expect(views.of(PROXY, head(said))).toMatchObject({ address: "203.0.113.7", scheme: "http", host: "gw" });
  });

  test("of() finds the same client whatever the client itself puts to the left", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.boolean(), (junk, isFor) => {
        const name = isFor ? "x-forwarded-for" : "forwarded";
        const end = isFor ? "203.0.113.7, 10.9.9.9" : 'for=203.0.113.7;host="a", for="10.9.9.9:80"';
        expect(address([name, `${junk}, ${end}`])).toBe("203.0.113.7");
        expect(address([name, junk, name, end])).toBe("203.0.113.7");
      }),
      { numRuns: 2_000 },
    );
  });

  test("of() believes the one header that is named, whatever clients write into the others", () => {
    const lies = ["x-forwarded-for", "1.1.1.1", "x-forwarded-proto", "https", "x-forwarded-host", "evil.example"];
    const said = ["forwarded", "for=203.0.113.7;proto=https;host=shop.example"];
    const real = ["x-real-ip", "203.0.113.8"];
    const by = (header: "x-forwarded-for" | "forwarded" | "x-real-ip", headers: string[]) => {
      const {
        address: found,
        host,
        isForwarded,
        scheme,
      } = new ClientViews(["10.0.0.0/8"], header).of(PROXY, head(headers));
      return [found, scheme, host, isForwarded];
    };
    expect(by("forwarded", [...lies, ...said])).toEqual(["203.0.113.7", "https", "shop.example", true]);
    expect(by("forwarded", [...lies, ...real])).toEqual(["10.0.0.1", "http", "gw", false]);
    expect(by("x-forwarded-for", [...said, ...real])).toEqual(["10.0.0.1", "http", "gw", false]);
    expect(by("x-forwarded-for", [...lies, ...said])).toEqual(["1.1.1.1", "https", "evil.example", true]);
    expect(by("x-real-ip", [...lies, ...said, ...real])).toEqual(["203.0.113.8", "http", "gw", true]);
    expect(by("x-real-ip", ["x-real-ip", "1.1.1.1", ...real])).toEqual(["203.0.113.8", "http", "gw", true]);
    for (const odd of ["x", "", "_hidden", "1.1.1.1, "])
      expect(by("x-real-ip", ["x-real-ip", odd])[0]).toBe("10.0.0.1");
    expect(by("x-real-ip", [...lies, ...said])).toEqual(["10.0.0.1", "http", "gw", false]);
  });

  test("ClientViews refuses a network when it is none", () => {
    for (const text of ["10.0.0.0/33", "ten", "10.0.0.0/", "::/129"])
      expect(() => new ClientViews([text])).toThrow(text);
    expect(
      new ClientViews(["10.0.0.1", "::ffff:10.0.0.0/104"]).of(PROXY, head(["x-forwarded-for", "1.1.1.1"])).address,
    ).toBe("1.1.1.1");
  });
});

describe("ClientViews.forward()", () => {
  const views = new ClientViews(["10.0.0.0/8"]);

  test("forward() replaces what a client says about itself when it is no trusted proxy", () => {
    const peer = { address: "203.0.113.9", port: 1 };
    const headers = ["accept", "*/*", "x-forwarded-for", "1.1.1.1", "forwarded", "for=1.1.1.1", "x-real-ip", "1.1.1.1"];
    expect(views.forward(headers, peer, views.of(peer, head(headers)))).toEqual([
      ...["accept", "*/*", "x-forwarded-for", "203.0.113.9", "x-forwarded-proto", "http", "x-forwarded-host", "gw"],
    ]);
  });

  test("forward() drops what means the same to programs when underscores are in its name", () => {
    const headers = ["x_forwarded_for", "1.1.1.1", "x-forwarded_proto", "https", "x_real_ip", "1.1.1.1", "a_b", "c"];
    const peer = { address: "198.51.100.9", port: 1 };
    const names = views.forward(headers, peer, views.of(peer, head(headers))).filter((_, at) => at % 2 === 0);
    expect(names).toEqual(["a_b", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]);
  });

  test("forward() goes on with the chain when the peer is a trusted proxy", () => {
    const headers = ["x-forwarded-for", "1.1.1.1", "x-forwarded-proto", "https", "forwarded", "for=1.1.1.1"];
    expect(views.forward(headers, PROXY, views.of(PROXY, head(headers)))).toEqual([
      ...["x-forwarded-for", "1.1.1.1, 10.0.0.1", "x-forwarded-proto", "https", "x-forwarded-host", "gw"],
      ...["forwarded", 'for=1.1.1.1, for=10.0.0.1;proto=https;host="gw"'],
    ]);
  });

  test("forward() goes on with the address that the named header tells, and with nothing of the others", () => {
    const real = new ClientViews(["10.0.0.0/8"], "x-real-ip");
    const headers = ["x-real-ip", "203.0.113.7", "x-forwarded-for", "1.1.1.1", "forwarded", "for=2.2.2.2"];
    expect(real.forward(headers, PROXY, real.of(PROXY, head(headers)))).toEqual([
      ...["x-forwarded-for", "203.0.113.7, 10.0.0.1", "x-forwarded-proto", "http", "x-forwarded-host", "gw"],
      ...["forwarded", 'for=203.0.113.7, for=10.0.0.1;proto=http;host="gw"'],
    ]);
  });

  test("forward() passes nothing on of what stands to the left of the client", () => {
    const headers = ["x-forwarded-for", "junk, 9.9.9.9, 203.0.113.7, 10.9.9.9", "forwarded", "for=8.8.8.8;host=evil"];
    expect(views.forward(headers, PROXY, views.of(PROXY, head(headers)))).toEqual([
      ...["x-forwarded-for", "203.0.113.7, 10.9.9.9, 10.0.0.1", "x-forwarded-proto", "http", "x-forwarded-host", "gw"],
      ...["forwarded", 'for=203.0.113.7, for=10.9.9.9, for=10.0.0.1;proto=http;host="gw"'],
    ]);
    const rich = ["forwarded", 'for=9.9.9.9, for=203.0.113.7;by=b;host="a,b", for=_x'];
    expect(views.forward(rich, PROXY, views.of(PROXY, head(rich)))).toEqual([
      ...["x-forwarded-for", "10.0.0.1", "x-forwarded-proto", "http", "x-forwarded-host", "gw"],
      ...["forwarded", 'for=_x, for=10.0.0.1;proto=http;host="gw"'],
    ]);
  });
});
