import { expect, test } from "bun:test";
import { type NodeWords, readSettings } from "../../../../src/app/node/settings.ts";

function faultsOf(words: Partial<NodeWords>): readonly string[] {
  try {
    readSettings({ name: "worker1", ...words });
  } catch (thrown) {
    return (thrown as { data: { faults: string[] } }).data.faults;
  }
  return [];
}

test("readSettings() fills in what is left out: loopback, a free port, the name as id, the preset for one machine", () => {
  expect(readSettings({ name: "worker1" })).toEqual({
    id: "worker1",
    name: "worker1",
    host: "127.0.0.1",
    port: 0,
    advertise: undefined,
    seeds: [],
    roles: [],
    capacities: {},
    labels: {},
    preset: "local",
    clusterSize: undefined,
    splitBrain: { strategy: "off", stableAfterMs: 20_000, quorumSize: undefined },
    secrets: undefined,
    dataDir: undefined,
  });
});

test("readSettings() reads seeds one by one or with commas, capacities, labels and roles", () => {
  const settings = readSettings({
    name: "w",
    host: "10.0.0.1",
    port: "8080",
    seeds: ["127.0.0.1:8080,node2:8081", "[::1]:8082"],
    roles: ["worker", "gateway"],
    capacities: ["cpu=4", "memory_gb=0.5"],
    labels: ["zone=a=b"],
    splitBrain: "static-quorum",
    quorumSize: "3",
    stableAfter: "5s",
    clusterSize: "5",
  });
  expect(settings.seeds).toEqual(["127.0.0.1:8080", "node2:8081", "[::1]:8082"]);
  expect(settings).toMatchObject({ preset: "lan", clusterSize: 5, roles: ["worker", "gateway"], port: 8080 });
  expect(settings).toMatchObject({ capacities: { cpu: 4, memory_gb: 0.5 }, labels: { zone: "a=b" } });
  expect(settings.splitBrain).toEqual({ strategy: "static-quorum", stableAfterMs: 5_000, quorumSize: 3 });
});

test("readSettings() tells all faults at once, each with the value and what is required", () => {
  const faults = faultsOf({
    name: "no spaces",
    host: "a b",
    port: "99999",
    advertise: "nowhere",
    seeds: ["x"],
    roles: [""],
    capacities: ["cpu", "ram=much"],
    preset: "fast",
    splitBrain: "keep",
    stableAfter: "soon",
  });
  expect(faults).toHaveLength(11);
  expect(faults.join("\n")).toContain('name is "no spaces"; 1 to 64 letters, digits');
  expect(faults.join("\n")).toContain('port is "99999"; a whole number from 0 to 65535 is required');
  expect(faults.join("\n")).toContain('preset is "fast"; one of local, lan, wan is required');
});

test("readSettings() wants a quorum's size with static-quorum and only there", () => {
  expect(faultsOf({ splitBrain: "static-quorum" })).toEqual(["split-brain static-quorum needs --quorum-size"]);
  expect(faultsOf({ quorumSize: "3" })).toEqual(["--quorum-size is for --split-brain static-quorum"]);
  expect(faultsOf({ splitBrain: "static-quorum", quorumSize: "0" })[0]).toContain("a whole number above 0");
});
