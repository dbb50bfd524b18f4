/** What several processes and gateways count and find out together: limits of concurrency, and how targets are. Real ones, over real links. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { TestGateway } from "../support/gateway.ts";
import { WebUpstream } from "../support/gateway-upstreams.ts";
import { untilAgreed } from "../support/nodes.ts";
import { childrenOf, killHard, runningWith } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const LIMIT = 8;
/** Over connections so many that no process is left out, but once in a million times. */
const MANY = 40;
const LINES = [
  "route|alive|/alive|none|reply=200 alive",
  `limit|header:x-shared|${LIMIT}||REJECT|id=shared,algorithm=concurrency,shared=true,missing=allow`,
];

function ask(url: string, key?: string): Promise<Response> {
  return fetch(url, {
    keepalive: false,
    headers: { connection: "close", ...(key !== undefined && { "x-shared": key }) },
  });
}

function hostsOf(gateway: TestGateway): readonly number[] {
  const hosts = runningWith("gateway-host");
  return childrenOf(gateway.pid).filter((pid) => hosts.includes(pid));
}

/** Of its connections to others on this machine, those that are open. */
function portsOf(pid: number): readonly number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return []; // closed by now
      }
    }),
  );
  const [, ...lines] = readFileSync("/proc/net/tcp", "latin1").trim().split("\n");
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields
    .filter((each) => sockets.has(`socket:[${each[9]}]`)) // the inode
    .map((each) => Number.parseInt(each[1]!.split(":")[1]!, 16)); // address:port
}

describe("limits of concurrency of two gateways, one of several processes", () => {
  const folder = new Workspace();
  const upstream = new WebUpstream();
  let first: TestGateway;
  let second: TestGateway;

  const start = async (name: string, ...args: readonly string[]): Promise<TestGateway> => {
    const env = { DISTRIBUTED_SYSTEM_DATA_DIR: folder.at("state") }; // one key of the cluster
    const lines = [...LINES, `route|hold|/hold|${upstream.url}|timeout=0,idle_timeout=0`];
    return TestGateway.start(folder, lines, { name, env, args: ["--name", name, ...args] });
  };

  beforeAll(async () => {
    first = await start("first", "--processes", "3");
    second = await start("second", "--join", await first.node.address());
    await untilAgreed([first.node, second.node], ["first", "second"]);
  });

  afterAll(async () => {
    await Promise.all([first, second].map((each) => each?.[Symbol.asyncDispose]()));
    await upstream[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** Resolves when it is under way; what has just ended may be in its way for a moment. `end`: a status, or 0 when the connection was cut. */
  const holdOne = (gateway: TestGateway, key: string): Promise<{ readonly end: Promise<number> }> =>
    until("it is let in", async () => {
      const before = upstream.held;
      let status: number | undefined;
      const end = ask(`${gateway.url}/hold`, key).then(
        (reply) => reply.status,
        () => 0,
      );
      void end.then((each) => {
        status = each;
      });
      await until("it is under way, or refused", () => upstream.held > before || status !== undefined);
      return status === undefined && { end };
    });

  const hold = async (
    count: number,
    gateway: TestGateway,
    key: string,
  ): Promise<{ readonly ends: Promise<number>[] }> => {
    const ends: Promise<number>[] = [];
    for (let at = 0; at < count; at++) ends.push((await holdOne(gateway, key)).end);
    return { ends };
  };

  const letGo = async (): Promise<void> => {
    upstream.release();
    await until("none is held", () => upstream.held === 0);
  };

  const untilAllRefuse = (gateway: TestGateway, key: string): Promise<unknown> =>
    until("every process refuses", async () => {
      const all = await Promise.all(Array.from({ length: MANY }, () => ask(`${gateway.url}/alive`, key)));
      return all.every(({ status }) => status === 429);
    });

  const untilLetIn = (gateway: TestGateway, key: string): Promise<unknown> =>
    until("one is let in", async () => (await ask(`${gateway.url}/alive`, key)).status === 200);

  test("all processes of all gateways refuse when as many are under way as the limit says", async () => {
    const held = [await hold(5, first, "all"), await hold(LIMIT - 5, second, "all")];
    await Promise.all([untilAllRefuse(first, "all"), untilAllRefuse(second, "all")]);
    expect((await ask(`${second.url}/alive`, "another")).status).toBe(200);
    await letGo();
    const ends = await Promise.all(held.flatMap((each) => each.ends));
    expect(ends).toEqual(ends.map(() => 200));
    await Promise.all([untilLetIn(first, "all"), untilLetIn(second, "all")]);
  });

  test("what killed processes had under way is free again, and no more than that", async () => {
    const { ends } = await hold(LIMIT, first, "killed");
    await untilAllRefuse(second, "killed");
    const hosts = hostsOf(first);
    expect(hosts.length).toBe(2);
    let cut = 0;
    for (const end of ends) void end.then((status) => (status === 0 ? cut++ : cut));
    for (const pid of hosts) killHard(pid);
    await until("others are started", () => hostsOf(first).filter((pid) => !hosts.includes(pid)).length === 2);
    await ask(`${first.url}/alive`); // what was cut before is known by its end
    if (cut > 0) await Promise.all([untilLetIn(first, "killed"), untilLetIn(second, "killed")]);
    // Those of the main process are under way still: with as many more all is full again.
    const more = await hold(cut, second, "killed");
    await Promise.all([untilAllRefuse(first, "killed"), untilAllRefuse(second, "killed")]);
    await letGo();
    expect(await Promise.all(more.ends)).toEqual(more.ends.map(() => 200));
  });

  test("what a gateway had under way that was killed is free at the other one", async () => {
    const { ends } = await hold(LIMIT, first, "gone");
    await untilAllRefuse(second, "gone");
    killHard(first.pid);
    expect(await Promise.all(ends)).toEqual(ends.map(() => 0));
    await untilLetIn(second, "gone");
    await letGo();
  });
});

describe("active checks of a gateway of several processes", () => {
  test("one process checks a target, and none asks it when it is not well", async () => {
    using folder = new Workspace();
    await using good = new WebUpstream();
    const checkers = new Set<number>();
    let isWell = true;
    let asked = 0;
    await using frail = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request, server) {
        if (new URL(request.url).pathname !== "/healthz") asked++;
        else checkers.add(server.requestIP(request)?.port ?? 0);
        return new Response("", { status: isWell ? 200 : 503 });
      },
    });
    const options = "health=/healthz,health_interval=200ms,healthy_after=1,unhealthy_after=1";
    const line = (more: string) => `route|all|/*|${good.url} http://127.0.0.1:${frail.port}|${options}${more}\n`;
    await using gateway = await TestGateway.start(folder, [line("")], { args: ["--processes", "3"] });
    const isAsked = async (): Promise<boolean> => {
      const before = asked;
      await Promise.all(Array.from({ length: MANY }, () => ask(`${gateway.url}/any`)));
      return asked > before;
    };
    const checks = (pid: number): boolean => portsOf(pid).some((port) => checkers.has(port));
    await until("it is asked, and checked by the main process", async () => (await isAsked()) && checks(gateway.pid));
    expect(hostsOf(gateway).filter(checks)).toEqual([]);
    isWell = false;
    await until("no process asks it", async () => !(await isAsked()));
    killHard(hostsOf(gateway)[0]!);
    await until("another one is started", () => gateway.node.stderr.includes("another one is started"));
    await until("no process asks it, however new", async () => hostsOf(gateway).length === 2 && !(await isAsked()));
    isWell = true;
    await until("it is asked again", isAsked);
    isWell = false;
    writeFileSync(gateway.file, line(",retries=1"));
    gateway.node.signal("SIGHUP");
    await gateway.node.hears("reloaded");
    await until("no process asks it by the new file", async () => !(await isAsked()));
    expect(hostsOf(gateway).filter(checks)).toEqual([]);
  });
});
