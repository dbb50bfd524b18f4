/** `gateway check` finds what a start would refuse: certificates, keys, key sets. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkGateway } from "../../../../src/app/gateway/check-gateway.ts";
import { Certificates } from "../../../support/openssl.ts";
import { Workspace } from "../../../support/workspace.ts";

let folder: Workspace;

beforeAll(() => {
  folder = new Workspace();
  const certificates = new Certificates(folder.path);
  certificates.authority("ca");
  certificates.issue("client", "ca", "DNS:a.example");
  folder.write("junk.pem", "junk\n");
  folder.write("keys.json", `{"keys":[]}`);
  folder.write("junk.json", `{"keys":1}`);
});

afterAll(() => folder?.[Symbol.dispose]());

async function faultsOf(...lines: readonly string[]): Promise<readonly unknown[]> {
  const { faults } = await checkGateway(folder.write("gateway.txt", `${lines.join("\n")}\n`));
  return faults.map(({ code, message }) => [code, message]);
}

const ROUTE = "route|web|/*|https://a.example";

describe("checkGateway()", () => {
  test("finds nothing when certificates, keys and key sets are good", async () => {
    const set = "set|tls_certificate=client.crt,tls_key=client.key,client_ca=ca.crt,jwks=keys.json";
    const shown = "upstream_ca=ca.crt,upstream_cert=client.crt,upstream_key=client.key";
    expect(await faultsOf(set, `${ROUTE}|${shown}`)).toEqual([]);
  });

  test.each<readonly [string, string, ...string[]]>([
    ["tls_key", "set|tls_certificate=client.crt,tls_key=ca.key", `${ROUTE}`],
    ["client_ca", "set|tls_certificate=client.crt,tls_key=client.key,client_ca=junk.pem", `${ROUTE}`],
    ["upstream_ca", `${ROUTE}|upstream_ca=junk.pem`, "route|two|/two|https://b.example|upstream_ca=junk.pem"],
    ["upstream_key", `${ROUTE}|upstream_cert=client.crt,upstream_key=ca.key`],
  ])("finds the fault once when %s cannot be used", async (name, ...lines) => {
    expect(await faultsOf(...lines)).toEqual([["gateway.tls", expect.stringContaining(`cannot use ${name}=`)]]);
  });

  test.each(["none.json", "junk.pem", "junk.json"])("finds it when jwks=%s is no key set", async (file) => {
    expect(await faultsOf(`set|jwks=${file}`, ROUTE)).toEqual([
      ["gateway.jwks", expect.stringMatching(/^cannot use the keys of \S+: /)],
    ]);
  });

  test("finds it when a log is to stand in a folder that is not there", async () => {
    const none = folder.at("none/access.log");
    expect(await faultsOf(`set|access_log=${none}`, ROUTE)).toEqual([
      ["gateway.config.log_folder", expect.stringContaining("there is no folder")],
    ]);
    expect(await faultsOf(`set|access_log=${folder.at("access.log")}`, ROUTE)).toEqual([]);
    expect(await faultsOf("set|access_log=-", ROUTE)).toEqual([]);
  });

  test("asks for nothing when the key set is behind a URL", async () => {
    expect(await faultsOf("set|jwks=https://nowhere.invalid/keys", ROUTE)).toEqual([]);
  });
});
