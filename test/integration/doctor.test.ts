/** `doctor` through the executable, on this machine: what it says of a place made for it, and that it leaves nothing there. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Check } from "../../src/app/doctor/check.ts";
import type { DoctorReport } from "../../src/app/doctor/doctor.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { Workspace } from "../support/workspace.ts";

interface Answer {
  readonly code: number | null;
  readonly report: DoctorReport;
  check(name: string): Check;
}

async function doctor(space: Workspace, ...words: readonly string[]): Promise<Answer> {
  const { code, stdout } = await space.exec(["doctor", "--json", ...words]);
  const report = JSON.parse(stdout) as DoctorReport;
  const check = (name: string): Check => report.checks.find((each) => each.name === name)!;
  return { code, report, check };
}

/** Of a process that has ended, so no living one's: it was given out a moment ago. */
function deadPid(): number {
  return Bun.spawnSync(["true"]).pid;
}

describe("doctor", () => {
  test("says something of every check and exits as the worst of them", async () => {
    using space = new Workspace();
    const { check, code, report } = await doctor(space);
    expect(report.checks.length).toBeGreaterThan(20);
    for (const { advice, found, verdict } of report.checks) {
      expect(found).not.toBe("");
      expect(advice === undefined).toBe(verdict === "ok" || verdict === "unknown");
    }
    expect(code).toBe(report.verdict === "bad" ? 1 : 0);
    expect(check("versions").found).toContain(`Bun ${Bun.version}`);
    expect(check("disk sync").found).toContain("fdatasync takes");
    expect(report.dataDir).toBe(space.at("state"));
  });

  test("leaves nothing where it looked", async () => {
    using space = new Workspace();
    const { check } = await doctor(space);
    expect(check("data directory").found).toContain("will be made");
    expect(readdirSync(space.path)).toEqual([]);
    mkdirSync(space.at("state"), { mode: 0o700 });
    await doctor(space);
    expect(readdirSync(space.at("state"))).toEqual([]);
  });

  test("exits with 1 when others may write into the data directory", async () => {
    using space = new Workspace();
    mkdirSync(space.at("state"));
    chmodSync(space.at("state"), 0o777);
    const { check, code } = await doctor(space);
    expect(check("data directory")).toMatchObject({ verdict: "bad", advice: `chmod 700 ${space.at("state")}` });
    expect(code).toBe(1);
  });

  test("exits with 1 when the data directory is a file, and still answers for the rest", async () => {
    using space = new Workspace();
    const path = space.write("plain", "");
    const { check, code } = await doctor(space, "--data-dir", path);
    expect(check("data directory").found).toContain("is no directory");
    expect(check("disk sync").verdict).toBe("unknown");
    expect(check("loopback").verdict).toBe("ok");
    expect(code).toBe(1);
  });

  test("warns of a default port that another program has", async () => {
    using space = new Workspace();
    const server = createServer();
    const listening = Promise.withResolvers<void>();
    server.once("error", () => listening.resolve()); // somebody else has it already: as good
    server.listen(8080, "127.0.0.1", listening.resolve);
    await listening.promise;
    try {
      expect((await doctor(space)).check("port 8080")).toMatchObject({ verdict: "warn" });
    } finally {
      server.close();
    }
  });

  test("finds what dead processes have left, and leaves it there", async () => {
    using space = new Workspace();
    const pid = deadPid();
    const instances = space.at("state", "instances");
    mkdirSync(instances, { recursive: true, mode: 0o700 });
    writeFileSync(join(instances, `${pid}.json`), "{}");
    writeFileSync(join(instances, `${pid}.sock`), "");
    const segment = `/dev/shm/distributed_system-${pid}-0`;
    writeFileSync(segment, "left");
    try {
      const { check } = await doctor(space);
      expect(check("instances").found).toContain("2 files of dead ones left");
      expect(readdirSync(instances)).toHaveLength(2);
      expect(check("segments")).toMatchObject({ verdict: "warn" });
      expect(check("segments").found).toContain(segment);
    } finally {
      rmSync(segment);
    }
  });

  test("finds a process that carries the mark of a dead instance", async () => {
    using space = new Workspace();
    const namespace = /\[(\d+)\]/.exec(Bun.spawnSync(["readlink", "/proc/self/ns/pid"]).stdout.toString())?.[1];
    const orphan = Bun.spawn(["sleep", "60"], {
      env: { PATH: process.env.PATH ?? "", DISTRIBUTED_SYSTEM_HOST: `${deadPid()}-1-${namespace}/1` },
    });
    try {
      const { check, code } = await doctor(space);
      expect(check("orphans").verdict).toBe("bad");
      expect(check("orphans").advice?.split(" ")).toContain(String(orphan.pid)); // others may be tested beside this
      expect(code).toBe(1);
    } finally {
      orphan.kill("SIGKILL");
      await orphan.exited;
    }
  });

  test("warns of a running master that acknowledges before the disk has it", async () => {
    await using cluster = new PipelineCluster();
    expect((await doctor(cluster.space)).check("masters")).toMatchObject({ verdict: "ok" });
    await cluster.master({ command: ["master", "127.0.0.1", "0", "--durability", "relaxed"] });
    await cluster.ask("raft", "propose", '{"operation":"set","key":"a","value":1}', "--node", cluster.address); // it leads
    const { advice, found, verdict } = (await doctor(cluster.space)).check("masters");
    expect(verdict).toBe("warn");
    expect(found).toContain("group main at master");
    expect(found).toContain("is relaxed: a power cut loses what was acknowledged last");
    expect(advice).toContain("--durability fsync");
  });

  test("prints a line for each check and a closing word for people", async () => {
    using space = new Workspace();
    const { stdout } = await space.exec(["doctor"]);
    expect(stdout).toMatch(/^(ok|warn|bad|\?) +versions /m);
    expect(stdout).toMatch(/^(ok|warn|bad|\?) +work directories /m);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/\.$/);
  });
});
