/** `ps`, `stop`, `restart`, `swap` and `reload` of the executable against fake instances with real control sockets. */
import { describe, expect, test } from "bun:test";
import { FakeInstance } from "../support/instances.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

/** Where commands of a workspace look. */
const STATE = "state";

function start(workspace: Workspace, name = "orders"): Promise<FakeInstance> {
  return FakeInstance.start(workspace.at(STATE), name);
}

describe("ps", () => {
  test("ps says so and ends well when nothing runs", async () => {
    using workspace = new Workspace();
    const text = await workspace.exec(["ps"]);
    expect([text.code, text.stdout, text.stderr]).toEqual([0, "", "nothing is running with this data directory\n"]);
    const json = await workspace.exec(["ps", "--json"]);
    expect([json.code, json.stdout]).toEqual([0, "[]\n"]);
  });

  test("ps shows every instance, as rows, as a tree and as one document", async () => {
    using workspace = new Workspace();
    await using first = await start(workspace, "orders");
    await using second = await start(workspace, "invoices");
    const flat = await workspace.exec(["ps"]);
    expect(flat.code).toBe(0);
    expect(flat.stdout).toMatch(/^NAME +STATE +PID +UPTIME +RESTARTS +LAST EXIT +MEMORY +CPU\n/);
    expect(flat.stdout).toMatch(new RegExp(`^distributed_system +running +${first.pid} `, "m"));
    expect(flat.stdout).toMatch(new RegExp(`^distributed_system +running +${second.pid} `, "m"));
    expect(flat.stdout).toMatch(
      /^orders\/validate\/lane 1 +running +4001 +1 m 1 s +1 +SIGKILL .*␛\[31m.* 5\.0 MiB +1\.5 s$/m,
    );
    expect(flat.stdout).not.toContain("\u001b");
    const tree = await workspace.exec(["ps", "--tree", "--instance", String(second.pid)]);
    expect(tree.stdout.split("\n").map((line) => line.split(/(?<=\S) {2}/)[0])).toEqual([
      "NAME",
      "distributed_system",
      "└─ invoices",
      "   ├─ validate",
      "   │",
      "   │",
      "   └─ enrich",
      "      └─ lane 0",
      "",
    ]);
    const document = JSON.parse((await workspace.exec(["ps", "--json"])).stdout);
    expect(document).toMatchObject([
      {
        path: "/distributed_system",
        instance: { pid: first.pid, command: "run" },
        tree: { children: [{ name: "orders" }] },
      },
      { path: "/distributed_system", instance: { pid: second.pid }, tree: { children: [{ name: "invoices" }] } },
    ]);
  });

  test("ps shows only what is named, and what is near when nothing is", async () => {
    using workspace = new Workspace();
    await using _ = await start(workspace);
    const found = await workspace.exec(["ps", "validate", "--json"]);
    expect(JSON.parse(found.stdout)).toMatchObject([
      { path: "/distributed_system/orders/validate", tree: { name: "validate" } },
    ]);
    const none = await workspace.exec(["ps", "validte"]);
    expect([none.code, none.stderr]).toEqual([66, 'error: nothing is named "validte"; did you mean "validate"?\n']);
  });

  test("ps tells of an instance that does not answer, shows the others, and says so by its exit code", async () => {
    using workspace = new Workspace();
    await using asleep = await start(workspace, "asleep");
    await using _ = await start(workspace, "awake");
    asleep.signal("SIGSTOP");
    const asleepLine = new RegExp(`^/pipelines/asleep\\.txt +not answering +${asleep.pid} .*no answer within`, "m");
    // On a busy machine the other one does not always answer in that time either.
    await until("the one that is awake is shown", async () => {
      const { code, stdout } = await workspace.exec(["ps", "--timeout", "300ms"]);
      expect(code).toBe(1);
      expect(stdout).toMatch(asleepLine);
      return /^awake +running/m.test(stdout);
    });
  });

  test("ps shows nothing of an instance that ends while it is asked", async () => {
    using workspace = new Workspace();
    await using _ = await start(workspace, "dying");
    const { code, stdout } = await workspace.exec(["ps", "--json"]);
    expect([code, stdout]).toEqual([0, "[]\n"]);
  });

  test("ps shows nothing of an instance that was killed, and clears its files", async () => {
    using workspace = new Workspace();
    await using instance = await start(workspace);
    await instance.end("SIGKILL");
    expect((await workspace.exec(["ps", "--json"])).stdout).toBe("[]\n");
    expect([
      workspace.exists(`${STATE}/instances/${instance.pid}.sock`),
      workspace.exists(`${STATE}/instances`),
    ]).toEqual([false, true]);
  });
});

describe("stop and restart", () => {
  test("stop acts on the one part that is named, by any end of its path", async () => {
    using workspace = new Workspace();
    await using instance = await start(workspace);
    const paths = [
      "/distributed_system/orders/enrich",
      "/distributed_system/orders/enrich/lane 0",
      "/distributed_system/orders/validate/lane 1",
    ];
    for (const [index, name] of ["enrich", "enrich/lane 0", "/distributed_system/orders/validate/lane 1"].entries()) {
      const { code, stderr } = await workspace.exec(["stop", name]);
      expect([code, stderr]).toEqual([0, `stopped ${paths[index]}\n`]);
    }
    await instance.hasBeenAsked(3);
    expect(instance.asked).toEqual(paths.map((path) => `stop ${path}`));
  });

  test("stop waits for the process to be gone when the whole pipeline is named", async () => {
    using workspace = new Workspace();
    await using instance = await start(workspace, "invoices");
    const ended = await workspace.exec(["stop", "/distributed_system/invoices", "--json"]);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual({
      pid: instance.pid,
      done: ["/distributed_system/invoices"],
      ended: true,
    });
    expect((await workspace.exec(["ps", "--json"])).stdout).toBe("[]\n");
    expect(await instance.exited).toBe(0);
  });

  test("stop is done when the process ended before it could answer", async () => {
    using workspace = new Workspace();
    await using instance = await start(workspace, "abrupt");
    const { code, stderr } = await workspace.exec(["stop", "abrupt"]);
    expect([code, stderr]).toEqual([0, "stopped /distributed_system/abrupt\n"]);
    expect(await instance.exited).toBe(0);
  });

  test("stop says so when the process has not ended in its time", async () => {
    using workspace = new Workspace();
    await using instance = await start(workspace, "lingering");
    // Long enough to find and ask it on a busy machine; it never ends by itself.
    const { code, stderr } = await workspace.exec(["stop", "lingering", "--timeout", "2s"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`process ${instance.pid} is stopping and has not ended in the time given`);
  });

  test("stop and restart touch nothing and name all when a name fits several", async () => {
    using workspace = new Workspace();
    await using first = await start(workspace, "orders");
    await using second = await start(workspace, "invoices");
    const within = await workspace.exec(["restart", "lane 0", "--instance", String(first.pid)]);
    expect([within.code, within.stderr]).toEqual([
      64,
      'error: "lane 0" names 2: /distributed_system/orders/validate/lane 0, /distributed_system/orders/enrich/lane 0; a longer end of its path, or the whole behind a slash, is required\n',
    ]);
    const between = await workspace.exec(["stop", "enrich"]);
    expect(between.code).toBe(64);
    expect(between.stderr).toContain(
      `/distributed_system/orders/enrich of process ${first.pid}, /distributed_system/invoices/enrich of process ${second.pid}`,
    );
    expect(between.stderr).toContain("--instance PID");
    expect([...first.asked, ...second.asked]).toEqual([]);
    expect((await workspace.exec(["stop", "enrich", "--instance", String(second.pid)])).code).toBe(0);
    await second.hasBeenAsked(1);
    expect([first.asked, second.asked]).toEqual([[], ["stop /distributed_system/invoices/enrich"]]);
  });

  test("restart gives the instance's own refusal and an exit code that fits it", async () => {
    using workspace = new Workspace();
    await using _ = await start(workspace);
    const refused = await workspace.exec(["restart", "enrich"]);
    expect([refused.code, refused.stderr]).toEqual([78, "error: the plugin says no\n"]);
    const done = await workspace.exec(["restart", "validate", "--json"]);
    expect(JSON.parse(done.stdout)).toMatchObject({ done: ["/distributed_system/orders/validate"], ended: false });
  });

  for (const [args, code, says] of [
    [["stop", "x"], 66, "no instance is running with the data directory"],
    [["stop", "x", "--instance", "1"], 66, "process 1 is no instance that is running"],
    [["stop"], 64, "Missing required positional argument: NAME"],
    [["restart", "x", "--timeout", "soon"], 64, '--timeout is "soon"; a whole number of milliseconds'],
    [["reload", "--instance", "me"], 64, '--instance is "me"; the number of a process is required'],
    [["swap", "x", "y.ts", "--param", "rate"], 64, '--param is "rate"; KEY=VALUE is required'],
  ] as const) {
    test(`${args.join(" ")} says why and ends with ${code} when nothing runs`, async () => {
      using workspace = new Workspace();
      const ended = await workspace.exec(args);
      expect([ended.code, ended.stdout]).toEqual([code, ""]);
      expect(ended.stderr).toContain(says);
    });
  }

  test("stop gives up at its time when the instance is asleep", async () => {
    using workspace = new Workspace();
    await using instance = await start(workspace);
    instance.signal("SIGSTOP");
    const { code, stderr } = await workspace.exec(["stop", "enrich", "--timeout", "200ms"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`no running instance answers: process ${instance.pid} (/pipelines/orders.txt)`);
  });
});

describe("swap and reload", () => {
  test("swap sends the file's absolute path and every parameter", async () => {
    using workspace = new Workspace();
    await using instance = await start(workspace);
    const { code, stderr } = await workspace.exec([
      "swap",
      "orders/enrich",
      "new.ts",
      "--param",
      "a=1",
      "--param=b=x=y",
    ]);
    expect([code, stderr]).toEqual([
      0,
      `swapped enrich: /old.ts → ${workspace.at("new.ts")}, 2 lanes in 13 ms, its state was taken over\n`,
    ]);
    await workspace.exec(["swap", "enrich", "/new.ts"]);
    await instance.hasBeenAsked(2);
    expect(instance.asked).toEqual([
      `swap /distributed_system/orders/enrich ${workspace.at("new.ts")} {"a":"1","b":"x=y"}`,
      "swap /distributed_system/orders/enrich /new.ts null",
    ]);
    const json = await workspace.exec(["swap", "enrich", "/new.ts", "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({
      stage: "enrich",
      from: "/old.ts",
      to: "/new.ts",
      lanes: 2,
      tookMs: 12.5,
      state: "restored",
    });
  });

  test("swap --help says where the parameters come from that are not given", async () => {
    using space = new Workspace();
    const { code, stdout } = await space.exec(["swap", "--help"]);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, " ")).toContain("the stage's others stay");
  });

  test("reload needs a name only when several run, and takes the pipeline's file for one", async () => {
    using workspace = new Workspace();
    await using first = await start(workspace, "orders");
    const alone = await workspace.exec(["reload"]);
    expect([alone.code, alone.stderr]).toEqual([
      0,
      "changed: validate\nremoved: x\nunchanged: enrich\nreloaded in 3.0 ms\n",
    ]);
    await using second = await start(workspace, "invoices");
    const which = await workspace.exec(["reload"]);
    expect(which.code).toBe(64);
    expect(which.stderr).toContain(
      `/pipelines/orders.txt of process ${first.pid}, /pipelines/invoices.txt of process ${second.pid}`,
    );
    for (const name of ["invoices", "/pipelines/invoices.txt"]) {
      expect(JSON.parse((await workspace.exec(["reload", name, "--json"])).stdout)).toMatchObject({ pid: second.pid });
    }
    await second.hasBeenAsked(2);
    expect([first.asked, second.asked]).toEqual([["reload"], ["reload", "reload"]]);
  });
});
