import { expect, test } from "bun:test";
import { KnownNames } from "../../../../src/app/node/known-names.ts";
import { Place } from "../../../../src/app/node/place.ts";
import { readSettings } from "../../../../src/app/node/settings.ts";

function placeOf(host: string, advertise?: string): Place {
  const place = new Place(readSettings({ name: "n1", host, advertise }));
  place.port = 8080;
  return place;
}

test("Place.audiences() takes tokens for the address as it is bound and as it is advertised, and for no other spelling", () => {
  expect(placeOf("127.0.0.1").audiences()).toEqual(["n1", "127.0.0.1:8080"]);
  expect(placeOf("::1").audiences()).toEqual(["n1", "[::1]:8080"]);
  const audiences = placeOf("0.0.0.0", "node1.example:9000").audiences();
  expect(audiences.slice(0, 2)).toEqual(["n1", "node1.example:9000"]);
  expect(audiences).not.toContain("localhost:8080");
});

test("Place.self() has the advertised address, else the one that is bound", () => {
  expect(placeOf("127.0.0.1").self()).toMatchObject({ id: "n1", address: { host: "127.0.0.1", port: 8080 } });
  expect(placeOf("10.0.0.1", "h1:1").self().address).toEqual({ host: "h1", port: 1 });
  expect(placeOf("127.0.0.1").self().instance).not.toBe(placeOf("127.0.0.1").self().instance);
});

test("KnownNames.check() takes a certificate for the address, or for a name that was looked up as that address", async () => {
  const names = new KnownNames();
  const certificate = (...hosts: string[]) => ({ subjectaltname: hosts.join(", "), subject: { CN: "" } }) as never; // what is looked at
  expect(names.check("127.0.0.1", certificate("IP Address:127.0.0.1"))).toBeUndefined();
  expect(names.check("127.0.0.1", certificate("DNS:localhost"))).toBeInstanceOf(Error);
  const addresses = await names.resolve("localhost");
  for (const address of addresses) expect(names.check(address, certificate("DNS:localhost"))).toBeUndefined();
  expect(names.check("10.0.0.1", certificate("DNS:localhost"))).toBeInstanceOf(Error);
  expect(await names.resolve("10.0.0.1")).toEqual(["10.0.0.1"]);
});
