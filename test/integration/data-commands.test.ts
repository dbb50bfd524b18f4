/** The commands about replicated data against a real master: what they print, how they end, and what happens when it dies. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { TestNode } from "../support/nodes.ts";
import { isGone } from "../support/processes.ts";
import { Program, runProgram } from "../support/program.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const CONFIG = join(import.meta.dir, "../../config/transactions");

let space: Workspace;
let master: TestNode;

function startMaster(): TestNode {
  const command = ["master", "127.0.0.1", "0", "--name=m1"];
  return new TestNode("m1", { command, args: ["--groups", "east"], dataDir: space.at("state") });
}

beforeAll(async () => {
  space = new Workspace();
  master = startMaster();
  await master.address();
});

afterAll(async () => {
  await master[Symbol.asyncDispose]();
  space[Symbol.dispose]();
});

async function ran(words: readonly string[], stdin?: string | Uint8Array) {
  const { code, stderr, stdout } = await runProgram(words, { cwd: space.path, ...(stdin !== undefined && { stdin }) });
  return { code, stderr, stdout };
}

async function printed(...words: string[]): Promise<string> {
  const { code, stderr, stdout } = await ran(words);
  expect({ words, code, stderr: code === 0 ? "" : stderr }).toEqual({ words, code: 0, stderr: "" });
  return stdout;
}

describe("map", () => {
  test("get, put and cas say what is there, and what is not", async () => {
    expect((await ran(["map", "get", "app-config", "version"])).code).toBe(66);
    await printed("map", "put", "app-config", "version", "1.0");
    await printed("map", "cas", "app-config", "version", "1.0", "1.1");
    expect(await printed("map", "get", "app-config", "version")).toBe("1.1\n");
    const again = await ran(["map", "cas", "app-config", "version", "1.0", "1.2"]);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toContain("not changed: the key is 1.1");
    expect((await ran(["map", "put", "app-config", "version", "2", "--if-absent"])).code).toBe(1);
  });

  test("bytes come back as they went in", async () => {
    const bytes = new Uint8Array([0, 255, 10, 128]);
    expect((await ran(["map", "put", "m", "bytes", "-"], bytes)).code).toBe(0);
    expect(JSON.parse(await printed("map", "get", "m", "bytes", "--json")).value).toEqual({ base64: "AP8KgA==" });
  });

  test("a key with a time to live goes when it is over", async () => {
    await printed("map", "put", "sessions", "user:123", "x", "--ttl", "300ms");
    await until("the key is gone", async () => (await ran(["map", "get", "sessions", "user:123"])).code === 66);
  });

  test("range pages in order and delete takes a prefix", async () => {
    for (const key of ["b2", "a", "b1", "c"]) await printed("map", "put", "sorted", key, `v${key}`);
    expect(await printed("map", "range", "sorted", "--prefix", "b")).toBe("b1\tvb1\nb2\tvb2\n");
    expect(await printed("map", "range", "sorted", "--after", "a", "--limit", "1")).toBe("b1\tvb1\n");
    expect(await printed("map", "range", "sorted", "--prefix", "b", "--count")).toBe("2\n");
    await printed("map", "delete", "sorted", "--prefix", "b");
    expect(await printed("map", "range", "sorted", "--keys-only")).toBe("a\nc\n");
  });

  test("watch prints each change and ends with a signal's exit code", async () => {
    await using watching = new Program(["map", "watch", "watched", "--from", "1", "--json"], { cwd: space.path });
    for (const value of ["1", "2"]) await printed("map", "put", "watched", "k", value);
    const counted = await printed("map", "watch", "watched", "--from", "1", "--count", "2");
    expect(counted).toMatch(/^\d+\tput\twatched\tk\t1\n\d+\tput\twatched\tk\t2\n$/);
    watching.signal("SIGINT");
    expect((await watching.done).code).toBe(130);
  });
});

describe("lock", () => {
  test("acquire runs a command under its token and gives its exit code", async () => {
    const script = 'echo "token $DISTRIBUTED_SYSTEM_LOCK_TOKEN"; exit 3';
    const { code, stdout } = await ran(["lock", "acquire", "nightly", "--", "sh", "-c", script]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^token \d+\n$/);
    expect((await ran(["lock", "show", "nightly"])).code).toBe(66);
  });

  test("a command ends with all that it has started when what holds its lock is killed with -9", async () => {
    const script = "sleep 600 & echo pids $$ $! >&2; wait";
    await using holder = new Program(["lock", "acquire", "orphans", "--", "sh", "-c", script], { cwd: space.path });
    const [, one, other] = await holder.until("the command runs", () => /pids (\d+) (\d+)/.exec(holder.stderr));
    holder.signal("SIGKILL");
    await until("both are gone", () => [one, other].every((pid) => isGone(Number(pid))));
  });

  test("acquire, keep and release by hand go by the token", async () => {
    const token = (await printed("lock", "acquire", "deploy", "--ttl", "5m")).trim();
    const taken = await ran(["lock", "acquire", "deploy", "--wait", "200ms"]);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain("error: lock deploy is held by");
    await printed("lock", "keep", "deploy", token);
    expect((await ran(["lock", "release", "deploy", "999999"])).code).toBe(1);
    await printed("lock", "release", "deploy", token);
    expect(Number(await printed("lock", "acquire", "deploy"))).toBeGreaterThan(Number(token));
  });
});

describe("queue", () => {
  test("lines go in and come out in order, and what fails is a dead letter", async () => {
    expect((await ran(["queue", "enqueue", "work", "-", "--lines"], "good 1\nbad\ngood 2\n")).code).toBe(0);
    await printed("queue", "configure", "work", "--deliveries", "2");
    const script = 'read line; echo "$line"; case "$line" in bad*) exit 1;; esac';
    const { stderr, stdout } = await ran(["queue", "consume", "work", "--count", "4", "--", "sh", "-c", script]);
    expect(stdout.split("\n").sort()).toEqual(["", "bad", "bad", "good 1", "good 2"]);
    expect(stderr).toContain("sh ended with 1; 0 is required");
    expect(await printed("queue", "peek", "work.dead")).toMatch(/^\d+:0\tbad\n$/);
    expect((await ran(["queue", "dequeue", "work"])).code).toBe(1);
  });

  test("a message's command ends when what has started it is killed with -9", async () => {
    await printed("queue", "enqueue", "orphans", "go");
    const script = "setsid sleep 600 & echo pids $$ $! >&2; wait";
    const words = ["queue", "consume", "orphans", "--", "sh", "-c", script];
    await using consumer = new Program(words, { cwd: space.path });
    const [, one, other] = await consumer.until("the command runs", () => /pids (\d+) (\d+)/.exec(consumer.stderr));
    consumer.signal("SIGKILL");
    await until("both are gone", () => [one, other].every((pid) => isGone(Number(pid))));
  });

  test("receipts are printed as ack takes them", async () => {
    await printed("queue", "enqueue", "receipts", "hello");
    const [receipt, value] = (await printed("queue", "dequeue", "receipts")).trim().split("\t");
    expect(value).toBe("hello");
    await printed("queue", "ack", "receipts", receipt!);
    expect((await ran(["queue", "ack", "receipts", receipt!])).code).toBe(1);
  });
});

describe("counter and txn", () => {
  test("the two accounts move money once or not at all, in one group and over two", async () => {
    await printed("counter", "set", "account1", "250");
    await printed("txn", join(CONFIG, "two-accounts.txn"));
    const { code, stderr } = await ran(["txn", join(CONFIG, "two-groups.txn")]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain("committed: ");
    expect((await ran(["txn", join(CONFIG, "two-accounts.txn")])).code).toBe(1);
    const aborted = await ran(["txn", join(CONFIG, "two-groups.txn")]);
    expect(aborted.code).toBe(1);
    expect(aborted.stderr).toContain("aborted: main: ");
    const values = ["account1", "account2"].map((name) => printed("counter", "get", name));
    expect(await Promise.all([...values, printed("counter", "get", "account2", "--group", "east")])).toEqual([
      "50\n",
      "100\n",
      "100\n",
    ]);
    expect(await printed("txn", "list")).toBe("none is under way\n");
    expect(await printed("counter", "add", "account1", "--", "-50")).toBe("0\n");
  });

  test("a file's faults are shown all at once, and a missing file says what else there is", async () => {
    const faults = await ran(["txn", "-"], "then\n putt m k v\n add c\n");
    expect(faults.code).toBe(78);
    expect(faults.stderr).toContain("did you mean put?");
    expect(faults.stderr).toEndWith("2 faults\n");
    expect((await ran(["txn", "lst"])).code).toBe(66);
    const west = await ran(["txn", "-"], "group main\nthen\n add c 1\ngroup west\nthen\n add c 1\n");
    expect(west.stderr).toContain('there is no group "west"; there are main, east');
  });
});

describe("exec", () => {
  test("a program's connectData() finds the masters of the environment's data directory", async () => {
    const program = `import { connectData } from "distributed-system/node";
      console.log(await (await connectData()).counter("from-a-program").add(2));`;
    space.write("program.ts", program);
    expect(await printed("exec", "program.ts")).toBe("2\n");
  });
});

describe("raft", () => {
  test("propose and read keep a setting as JSON", async () => {
    await printed("raft", "propose", '{"operation":"set","key":"max-connections","value":1000}');
    expect(await printed("raft", "read", "max-connections", "--consistency", "linearizable")).toBe("1000\n");
    const swap = '{"operation":"cas","key":"max-connections","expect":1,"value":2}';
    expect((await ran(["raft", "propose", swap])).code).toBe(1);
    expect((await ran(["raft", "propose", "{"])).code).toBe(64);
    expect((await ran(["raft", "read", "nothing"])).code).toBe(66);
  });

  test("status shows every group, verify finds the log whole", async () => {
    const { groups } = JSON.parse(await printed("raft", "status", "--json"));
    expect(groups).toMatchObject([
      { group: "main", role: "leader", leader: "m1", durability: "fsync", members: [{ id: "m1", kind: "voter" }] },
      { group: "east", role: "leader" },
    ]);
    expect(JSON.parse(await printed("raft", "verify", "--json"))).toMatchObject({ damaged: [] });
    expect((await ran(["raft", "status", "--group", "west"])).stderr).toContain('there is no group "west"');
  });
});

describe("a master that is killed", () => {
  test("has all that was answered when it is started again, and a command that held a lock was ended", async () => {
    await using holding = new Program(["lock", "acquire", "held", "--ttl", "1s", "--", "sleep", "60"], {
      cwd: space.path,
    });
    await until("the lock is held", async () => (await ran(["lock", "show", "held"])).code === 0);
    await printed("map", "put", "kept", "k", "v");
    await master[Symbol.asyncDispose]();
    const { code, stderr } = await holding.done;
    expect(code).toBe(1);
    expect(stderr).toContain("is lost: it could not be kept in time; the command was ended");
    master = startMaster();
    await master.address();
    expect(await printed("map", "get", "kept", "k")).toBe("v\n");
  });
});
