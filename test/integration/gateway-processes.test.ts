/** A gateway of several processes at one port: they answer alike, count together, are started again, and end with the main one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { RawSocket, TestGateway } from "../support/gateway.ts";
import { WebUpstream } from "../support/gateway-upstreams.ts";
import { clientOf, metricOf } from "../support/http.ts";
import { isGone, killHard, runningWith } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const SERVICE = `
import { defineService, method } from "distributed-system/service";
export default defineService({
  name: "greeter", version: "1.0.0",
  methods: {
    greet: method({ public: true, handler: ({ name }) => ({ text: "hello " + name }) }),
    broken: method({ public: true, handler: () => { throw new Error("never again"); } }),
  },
});`;

/** Of the gateway file: replies tell by what process they were made. */
const SAYS_WHO = `response_header.x-id=$${"{request_id}"}`;
/** Connections so many that no process is left out, but once in a million times. */
const MANY = 40;
const LINES = [
  `route|alive|/alive|none|reply=200 alive,${SAYS_WHO}`,
  `route|token|/token|none|auth=token,reply=200 in,${SAYS_WHO}`,
  `route|greet|POST /greet/{name}|service://greeter.greet|${SAYS_WHO}`,
  "route|broken|/broken|service://greeter.broken",
  `route|ruled|/ruled|none|lua=rule.lua,${SAYS_WHO}`,
  `route|watched|/watched|none|reply=200 seen,${SAYS_WHO}`,
  "waf|rules.conf|detect|routes=watched",
  "set|access_log=access.log",
];

/** Over a connection of its own: the kernel chooses a process for each. */
function ask(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    ...init,
    keepalive: false,
    headers: { connection: "close", ...(init.headers as Record<string, string>) },
  });
}

/** Ids begin with what only one process has. */
function processOf(response: Response): string {
  return response.headers.get("x-id")?.split("-")[0] ?? "";
}

/** Asks until so many processes have answered; gives what each of them said last. */
async function fromAll(count: number, url: string, init?: RequestInit): Promise<Map<string, Response>> {
  const answers = new Map<string, Response>();
  await until(`${count} processes answer ${url}`, async () => {
    const response = await ask(url, init);
    answers.set(processOf(response), response);
    return answers.size >= count;
  });
  return answers;
}

interface Status {
  readonly processes: number;
  readonly serving: number;
  readonly requests: number;
  readonly connections: number;
}

function hostsOf(gateway: TestGateway): readonly number[] {
  return runningWith("gateway-host").filter((pid) => parentOf(pid) === gateway.pid);
}

function parentOf(pid: number): number {
  const { stdout } = Bun.spawnSync(["ps", "-o", "ppid=", "-p", String(pid)]);
  return Number(stdout.toString().trim());
}

describe("gateway --processes", () => {
  const space = new Workspace();
  let gateway: TestGateway;

  const command = async (...words: readonly string[]): Promise<string> => {
    const env = { DISTRIBUTED_SYSTEM_DATA_DIR: space.at("gateway-state") };
    const { code, stderr, stdout } = await space.exec(words, { env });
    if (code !== 0) throw new Error(`${words.join(" ")} gave ${code}: ${stderr}`);
    return stdout;
  };
  const status = async (): Promise<Status> => JSON.parse(await command("gateway", "status", "--json")) as Status;

  beforeAll(async () => {
    space.write("services/greeter.ts", SERVICE);
    space.write("rule.lua", "function route(r) return { reply = { status = 418, body = r.query } } end");
    space.write("rules.conf", 'SecRule ARGS "@contains attack" "id:100,phase:2,deny,status:403,msg:\'an attack\'"\n');
    gateway = await TestGateway.start(space, LINES, {
      args: ["--processes", "3", "--services", "services", "--log-level", "debug"],
    });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    space[Symbol.dispose]();
  });

  test("all processes answer, and are counted as one gateway", async () => {
    let asked = 0;
    const before = await status();
    const seen = new Set<string>();
    await until("three processes answer", async () => {
      const response = await ask(`${gateway.url}/alive`);
      expect([response.status, await response.text()]).toEqual([200, "alive"]);
      asked++;
      return seen.add(processOf(response)).size === 3;
    });
    const after = await status();
    expect(after).toMatchObject({ processes: 3, serving: 3 });
    expect(after.requests - before.requests).toBe(asked);
    const { routes } = JSON.parse(await command("gateway", "routes", "--json")) as { routes: { id: string }[] };
    expect(routes.find(({ id }) => id === "alive")).toMatchObject({
      requests: asked,
      inFlight: 0,
      byStatus: { "2xx": asked },
    });
    const token = (await command("token", "create", "--role", "viewer")).trim();
    const metrics = await clientOf(String((await gateway.node.hears("started")).address), token).metrics();
    const series = 'distributed_system_gateway_requests_total{route="alive",status="2xx"}';
    expect(metricOf(metrics, series)).toBe(asked);
    expect(metricOf(metrics, 'distributed_system_gateway_request_duration_seconds_count{route="alive"}')).toBe(asked);
  });

  test("all processes let a good token in, and none a bad one or one that was revoked", async () => {
    const made = JSON.parse(await command("token", "create", "--role", "viewer", "--json")) as {
      token: string;
      jti: string;
    };
    const url = `${gateway.url}/token`;
    const good = { headers: { authorization: `Bearer ${made.token}` } };
    for (const [, response] of await fromAll(3, url, good)) expect(response.status).toBe(200);
    const bad = { headers: { authorization: `Bearer ${made.token}x` } };
    const refused = await Promise.all(Array.from({ length: 5 }, () => ask(url, bad)));
    expect(refused.map(({ status: each }) => each)).toEqual(refused.map(() => 401));
    await command("token", "revoke", made.jti);
    await until("every process refuses it", async () => {
      const answers = await Promise.all(Array.from({ length: MANY }, () => ask(url, good)));
      return answers.every(({ status: each }) => each === 401 || each === 429); // by then the address is locked out
    });
  });

  test("all processes reach services of the cluster, with what they answer and what goes wrong there", async () => {
    const answers = await fromAll(3, `${gateway.url}/greet/ann`, { method: "POST" });
    for (const [, response] of answers) {
      expect([response.status, await response.json()]).toEqual([200, { text: "hello ann" }]);
    }
    const broken = await Promise.all(Array.from({ length: 12 }, () => ask(`${gateway.url}/broken`)));
    // Behind five of them the target rests.
    for (const { status: each } of broken) expect([500, 503]).toContain(each);
    expect(broken.map(({ status: each }) => each)).toContain(500);
  });

  test("rules decide and firewalls look in all processes, and are counted together", async () => {
    for (const [, response] of await fromAll(3, `${gateway.url}/ruled?a=b`)) {
      expect([response.status, await response.text()]).toEqual([418, "a=b"]);
    }
    let asked = 0;
    const seen = new Set<string>();
    await until("each firewall has looked", async () => {
      asked++;
      return seen.add(processOf(await ask(`${gateway.url}/watched?q=attack`))).size === 3;
    });
    expect(await status()).toMatchObject({ wafs: [{ mode: "detect", transactions: asked, wouldBlock: asked }] });
    await until("what other processes say is in the log", () =>
      ["process-2", "process-3"].every((name) =>
        gateway.node.stderr.split("\n").some((line) => line.includes("would have been blocked") && line.includes(name)),
      ),
    );
  });

  test("one access log has a line for each request, whichever process answered it", async () => {
    const { requests } = await status();
    await until("all lines are written", () => space.records("access.log").length >= requests);
    const ids = space.records("access.log").map(({ id }) => String(id));
    expect([ids.length, new Set(ids).size]).toEqual([requests, requests]);
    expect(new Set(ids.map((id) => id.split("-")[0])).size).toBe(3);
  });

  test("a killed process is started again by the file that the others go by, and what it has counted is not lost", async () => {
    const before = await status();
    const [killed] = hostsOf(gateway);
    writeFileSync(gateway.file, "this is no gateway file\n");
    killHard(killed!);
    await until("another process serves", async () => {
      const now = hostsOf(gateway);
      return now.length === 2 && !now.includes(killed!) && (await status()).serving === 3;
    });
    for (const [, response] of await fromAll(3, `${gateway.url}/alive`)) expect(await response.text()).toBe("alive");
    expect((await status()).requests).toBeGreaterThan(before.requests);
    writeFileSync(gateway.file, `${LINES.join("\n")}\n`);
    expect(gateway.node.stderr).toContain("was killed by SIGKILL; another one is started");
  });

  test("a second gateway is refused the port that the first one shares among its processes", async () => {
    const second = await space.exec(
      ["gateway", "127.0.0.1", String(gateway.port), "--config", gateway.file, "--processes", "2"],
      { env: { DISTRIBUTED_SYSTEM_DATA_DIR: space.at("second") } },
    );
    expect([second.code, second.stderr]).not.toEqual([0, ""]);
    expect(second.stderr).toContain(`listening on 127.0.0.1:${gateway.port} failed`);
  });

  test("no process is left when the main one is killed", async () => {
    const hosts = hostsOf(gateway);
    expect(hosts.length).toBe(2);
    killHard(gateway.pid);
    await until("all are gone", () => hosts.every(isGone));
  });
});

describe("gateway --processes with limits", () => {
  test("the processes count a limit together, within their bound", async () => {
    using space = new Workspace();
    const lines = ["route|alive|/alive|none|reply=200 alive", "limit|global|100|24h|REJECT"];
    await using gateway = await TestGateway.start(space, lines, { args: ["--processes", "3"] });
    let passed = 0;
    let refusedInARow = 0;
    await until("all refuse", async () => {
      const { status } = await ask(`${gateway.url}/alive`);
      expect([200, 429]).toContain(status);
      if (status === 200) passed++;
      refusedInARow = status === 429 ? refusedInARow + 1 : 0;
      return refusedInARow >= 100;
    });
    expect(passed).toBeGreaterThanOrEqual(100);
    // Each has a whole bucket, and tells the others forty times a second what it has taken from it.
    expect(passed).toBeLessThanOrEqual(300);
    const after = await Promise.all(Array.from({ length: 30 }, () => ask(`${gateway.url}/alive`)));
    expect(after.map(({ status }) => status)).toEqual(after.map(() => 429));
  });
});

describe("gateway at its end", () => {
  test("SIGTERM lets requests under way end, cuts endless ones at the drain time-out, takes no new ones, and ends with 0", async () => {
    using space = new Workspace();
    await using upstream = new WebUpstream();
    const lines = [`route|all|/*|${upstream.url}|timeout=0,idle_timeout=0`];
    await using gateway = await TestGateway.start(space, lines, {
      args: ["--processes", "2", "--drain-timeout", "1500ms"],
    });
    const held = Array.from({ length: 8 }, () => ask(`${gateway.url}/hold`));
    await until("all are held", () => upstream.held === 8);
    using endless = await RawSocket.open(gateway.port);
    endless.write("GET /never HTTP/1.1\r\nhost: a\r\n\r\n");
    await until("the endless one is there", () => upstream.requests === 9);
    gateway.node.signal("SIGTERM");
    await until("no connection is taken any more", async () => {
      using late = await RawSocket.open(gateway.port).catch(() => undefined);
      return late === undefined || late.isClosed;
    });
    upstream.release();
    expect(await Promise.all(held.map(async (each) => (await each).text()))).toEqual(held.map(() => "let go"));
    expect(await endless.closed()).not.toContain("200 OK");
    expect(await gateway.node.exited).toBe(0);
    expect(upstream.requests).toBe(9);
  });
});
