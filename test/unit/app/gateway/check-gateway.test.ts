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

  test("checkGateway() shows line, option and caret of all faulty files, beside the faults of the lines", async () => {
    const path = folder.write(
      "many.txt",
      [
        "set|access_log=-",
        "set|tls_certificate=junk.pem, tls_key=junk.json,client_ca=junk.pem",
        "route|a|/a|https://a.example|upstream_ca=junk.pem,retries=x",
        "route|b|/b|https://b.example|timeout=1s,upstream_ca=junk.pem,upstream_cert=junk.pem,upstream_key=client.key",
        "route|c|/c|grpc://c|proto=junk.pem",
        "route|d|/d|none|lua=junk.pem",
        "route|e|/e|task://junk.pem",
        "waf|junk.pem|block",
      ].join("\n"),
    );
    const { faults, notes, text } = await checkGateway(path);
    expect(faults.map(({ code, column, field, line }) => `${line}:${column} ${field} ${code}`)).toEqual([
      "2:21 set.tls_certificate gateway.tls",
      "2:39 set.tls_key gateway.tls",
      "2:59 set.client_ca gateway.tls",
      "3:59 options.retries gateway.config.not_a_integer",
      "4:53 options.upstream_ca gateway.tls",
      "4:76 options.upstream_cert gateway.tls",
      "5:27 options.proto gateway.proto",
      "6:21 options.lua gateway.rule_syntax",
      "7:12 target gateway.task",
      "8:5 rules gateway.waf",
    ]);
    for (const { allowed, message } of faults) expect([message, allowed]).not.toContain("");
    expect(notes).toEqual([]);
    expect(text).toEndWith("\n10 faults");
    const shown = text.split("\n").findIndex((line) => line.includes(`${path}:4:53: `));
    const [line, caret] = text.split("\n").slice(shown + 1);
    expect(line?.slice(caret?.indexOf("^"))).toStartWith("junk.pem,upstream_cert=");
  });

  test("checkGateway() says which descriptors serve nobody, and which rules hide others", async () => {
    const HTTP = `syntax = "proto3"; package t; import "google/api/annotations.proto"; message Q { string id = 1; Q in = 2; }\n`;
    const rpc = (name: string, template: string, more = ""): string =>
      `rpc ${name}(Q) returns (Q) { option (google.api.http) = { get: "${template}" ${more}}; }`;
    folder.write("empty.proto", `syntax = "proto3";`);
    folder.write("zz.proto", `${HTTP}service S { ${rpc("A", "/a/{zz}")} }`);
    folder.write("deep.proto", `${HTTP}service S { ${rpc("A", "/a/{in.in.zz}")} }`);
    folder.write("body.proto", `${HTTP}service S { ${rpc("A", "/a", `response_body: "no"`)} }`);
    folder.write("two.proto", `${HTTP}service S { ${rpc("A", "/a/{id}")} ${rpc("B", "/a/{in.id}")} }`);
    const route = (options: string): string => `route|g|/*|grpc://u|${options}`;
    expect(await faultsOf(route("proto=empty.proto"))).toEqual([
      ["gateway.proto", expect.stringContaining("no service is described")],
    ]);
    expect(await faultsOf(route("proto=zz.proto"))).toEqual([
      ["gateway.proto", expect.stringContaining("/t.S/A (GET /a/{zz}): zz is no field of t.Q")],
    ]);
    expect(await faultsOf(route("proto=deep.proto"))).toEqual([
      ["gateway.proto", expect.stringContaining("in.in.zz is no field")],
    ]);
    expect(await faultsOf(route("proto=body.proto"))).toEqual([
      ["gateway.proto", expect.stringContaining("response_body no is no field")],
    ]);
    expect(await faultsOf(route("proto=two.proto,grpc_service=t.R"))).toEqual([
      ["gateway.proto", expect.stringContaining("there is no service t.R (did you mean t.S?)")],
    ]);
    const { faults, notes } = await checkGateway(folder.write("two.txt", route("proto=two.proto,grpc_service=t.S")));
    expect(faults).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/^route g: \/t\.S\/B .* is never asked: \/t\.S\/A /)]);
  });

  test("checkGateway() says where bodies will not pass as they are though their descriptors ask for it", async () => {
    const imports = `import "google/api/annotations.proto"; import "google/api/httpbody.proto";`;
    const raw = `message R { google.api.HttpBody file = 1; string id = 2; } message Q { string id = 1; }`;
    const rpcs = [
      `rpc Down(Q) returns (google.api.HttpBody);`,
      `rpc Up(R) returns (Q) { option (google.api.http) = { post: "/up/{id}" body: "file" }; }`,
      `rpc Whole(R) returns (Q);`,
    ];
    folder.write("raw.proto", `syntax = "proto3"; package t; ${imports} ${raw} service S { ${rpcs.join(" ")} }`);
    const { faults, notes } = await checkGateway(folder.write("raw.txt", "route|g|/*|grpc://u|proto=raw.proto"));
    expect(faults).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(/^route g: \/t\.S\/Down, \/t\.S\/Up: google\.api\.HttpBody is a message as any/),
    ]);
  });

  test("checkGateway() tells mistakes in rules as faults when they are to block, else as notes", async () => {
    folder.write(
      "bad.conf",
      `SecRule ARGS "@rx (a" "id:1,phase:2,deny"\nSecRule ARGS "@contains a" "id:2,phase:2,deny"\n`,
    );
    const blocking = await checkGateway(folder.write("b.txt", `${ROUTE}\nwaf|bad.conf|block`));
    expect(blocking.faults).toEqual([expect.objectContaining({ code: "gateway.waf", line: 2, column: 5 })]);
    expect(blocking.faults[0]?.message).toContain("bad.conf:1: ");
    const detecting = await checkGateway(folder.write("d.txt", `${ROUTE}\nwaf|bad.conf|detect`));
    expect(detecting.faults).toEqual([]);
    expect(detecting.notes).toEqual([expect.stringContaining("bad.conf:1: ")]);
  });

  test("checkGateway() says why a file holds no rules, and when those that it holds look at nothing", async () => {
    folder.write("none.conf", `SecRul ARGS "@rx a"\n`);
    const [fault] = (await checkGateway(folder.write("n.txt", `${ROUTE}\nwaf|none.conf|detect`))).faults;
    expect(fault?.message).toMatch(/none\.conf holds none \(\S+none\.conf:1: directive SecRul/);
    folder.write("setup.conf", `SecAction "id:900000,phase:1,pass,nolog,setvar:tx.a=1"\n`);
    const { faults, notes } = await checkGateway(folder.write("s.txt", `${ROUTE}\nwaf|setup.conf|block`));
    expect(faults).toEqual([]);
    expect(notes).toEqual([expect.stringContaining("setup.conf: no rule here looks at anything")]);
  });

  test("checkGateway() takes task graphs that are right, and programs as they are", async () => {
    folder.write(
      "graph.json",
      JSON.stringify({ name: "g", tasks: [{ id: "a", type: "http", method: "GET", url: "http://127.0.0.1/" }] }),
    );
    folder.write("graph.ts", "throw new Error('it ran');");
    expect((await faultsOf("route|a|/a|task://graph.ts")).length).toBe(0);
    expect(await faultsOf("route|a|/a|task://graph.json")).toEqual([]);
  });

  test("asks for nothing when the key set is behind a URL", async () => {
    expect(await faultsOf("set|jwks=https://nowhere.invalid/keys", ROUTE)).toEqual([]);
  });
});
