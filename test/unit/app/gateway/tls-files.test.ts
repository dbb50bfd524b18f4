/** Faulty certificates and keys are found when they are read, not by the clients. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readAuthorities, readIdentity } from "../../../../src/app/gateway/pem-files.ts";
import { TlsFiles } from "../../../../src/app/gateway/tls-files.ts";
import { Certificates } from "../../../support/openssl.ts";
import { Workspace } from "../../../support/workspace.ts";

const DAY_MS = 24 * 3_600_000;
const YEAR_MS = 365 * DAY_MS;

let folder: Workspace;
let certificates: Certificates;

beforeAll(() => {
  folder = new Workspace();
  certificates = new Certificates(folder.path);
  certificates.authority("ca");
  certificates.authority("other");
  certificates.issue("server", "ca", "DNS:a.example");
  folder.write("junk.pem", "junk\n");
  folder.write("hollow.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  folder.write("chain.crt", certificates.read("server.crt") + certificates.read("ca.crt"));
  folder.write("swapped.crt", certificates.read("ca.crt") + certificates.read("server.crt"));
  folder.write("half.crt", certificates.read("server.crt") + certificates.read("ca.crt").slice(0, 200));
  folder.write("worse.crt", certificates.read("server.crt") + certificates.read("hollow.crt"));
});

afterAll(() => folder?.[Symbol.dispose]());

function opened(certificate: string, key: string, clientCa?: string): { files: TlsFiles; notes: readonly string[] } {
  const notes: string[] = [];
  const settings = {
    tlsCertificate: folder.at(certificate),
    tlsKey: folder.at(key),
    clientCa: clientCa === undefined ? undefined : folder.at(clientCa),
    clientCertificate: clientCa === undefined ? ("none" as const) : ("required" as const),
  };
  return { files: new TlsFiles(settings, (text) => void notes.push(text)), notes };
}

describe("TlsFiles", () => {
  test("constructor() takes a chain with its key and a CA, without a note, when they are good", () => {
    const { files, notes } = opened("chain.crt", "server.key", "ca.crt");
    expect(files.material).toMatchObject({
      key: certificates.read("server.key"),
      clientCa: certificates.read("ca.crt"),
    });
    expect(notes).toEqual([]);
    expect(files.times.map(({ file }) => file.split("=")[0])).toEqual(["tls_certificate", "client_ca"]);
  });

  test.each([
    ["server.crt", "other.key", undefined, /tls_key=\S+: it is not the key of tls_certificate=/],
    ["swapped.crt", "server.key", undefined, /tls_key=\S+: it is not the key of tls_certificate=/],
    ["server.crt", "junk.pem", undefined, /tls_key=\S+: no key can be read from it/],
    ["server.crt", "server.crt", undefined, /tls_key=\S+: no key can be read from it/],
    ["junk.pem", "server.key", undefined, /tls_certificate=\S+: it has no certificate/],
    ["hollow.crt", "server.key", undefined, /tls_certificate=\S+: certificate 1 of it cannot be read/],
    ["worse.crt", "server.key", undefined, /tls_certificate=\S+: certificate 2 of it cannot be read/],
    ["half.crt", "server.key", undefined, /tls_certificate=\S+: 1 of its certificates are not whole/],
    ["none.crt", "server.key", undefined, /cannot read tls_certificate=\S+: ENOENT/],
    ["server.crt", "server.key", "junk.pem", /client_ca=\S+: it has no certificate/],
    ["server.crt", "server.key", "worse.crt", /client_ca=\S+: certificate 2 of it cannot be read/],
  ])("constructor() fails when certificate %s, key %s and CA %s do not do", (certificate, key, clientCa, message) => {
    expect(() => opened(certificate, key, clientCa)).toThrow(message);
  });
});

describe("readIdentity(), readAuthorities()", () => {
  const noted = (nowMs: number): readonly string[] => {
    const notes: string[] = [];
    const ports = { nowMs, note: (text: string) => void notes.push(text), time: () => {} };
    const file = (name: string, path: string) => ({ name, path: folder.at(path) });
    readIdentity(file("upstream_cert", "server.crt"), file("upstream_key", "server.key"), ports);
    readAuthorities(file("upstream_ca", "ca.crt"), ports);
    return notes;
  };

  test("they note it when the time of a certificate is over, soon is, or has not come", () => {
    expect(noted(Date.now() + 60_000)).toEqual([]);
    expect(noted(Date.now() + YEAR_MS)).toEqual([
      expect.stringMatching(/^upstream_cert=\S+: the certificate of CN=server has expired on 2/),
      expect.stringMatching(/^upstream_ca=\S+: the certificate of CN=ca has expired on 2/),
    ]);
    expect(noted(Date.now() + 2 * DAY_MS - 3_600_000)).toEqual([
      expect.stringMatching(/^upstream_cert=\S+: the certificate of CN=server expires on 2\S+, in less than a day$/),
      expect.stringMatching(/^upstream_ca=\S+: the certificate of CN=ca expires on 2/),
    ]);
    expect(noted(Date.now() - YEAR_MS)[0]).toMatch(/the certificate of CN=server is good from 2\S+ only$/);
  });
});
