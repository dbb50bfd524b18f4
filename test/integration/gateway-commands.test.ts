/** What a running gateway tells of itself: commands, HTTP API, metrics, the overview, its access log and the log of its firewall. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { curl, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream } from "../support/gateway-upstreams.ts";
import { type Client, clientOf, metricOf } from "../support/http.ts";
import type { Ended } from "../support/program.ts";
import { expectGoodMetrics, whyNoPromtool } from "../support/promtool.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const RULES = `
SecRuleEngine On
SecRule ARGS:q "@contains attack" "id:1001,phase:1,deny,status:403,t:none,msg:'an attack in q',severity:CRITICAL"
`;
const CARD = "4111111111111111";
const PREFIX = "distributed_system_gateway_";

let folder: Workspace;
let upstream: RecordingUpstream;
let gateway: TestGateway;
/** Asks the node's API as an operator. */
let api: Client;
/** `gateway …` with the running one's data directory. */
let tell: (...words: readonly string[]) => Promise<Ended>;

function linesOf({ url }: RecordingUpstream): readonly string[] {
  return [
    `set|access_log=${folder.at("access.log")}`,
    `route|web|/web/*|${url};name=a ${url};weight=0;name=b|rewrite=/{rest}`,
    `route|guarded|/guarded/*|${url}|auth=token`,
    `route|down|/down/*|http://127.0.0.1:1|retries=0`,
    "route|own|GET /own|none|reply=200 here",
    "limit|client_ip|2|1h|REJECT|routes=own",
    "waf|rules.conf|block|routes=web",
    "mask|log|card",
  ];
}

beforeAll(async () => {
  folder = new Workspace();
  upstream = new RecordingUpstream();
  folder.write("rules.conf", RULES);
  gateway = await TestGateway.start(folder, linesOf(upstream));
  const dataDir = folder.at("gateway-state");
  tell = (...words) => folder.exec(["gateway", ...words], { env: { DISTRIBUTED_SYSTEM_DATA_DIR: dataDir } });
  const node = await gateway.node.address();
  const made = await folder.exec(["token", "create", "--role", "operator", "--node", node, "--data-dir", dataDir]);
  api = clientOf(node, made.stdout.trim());
  for (const path of [
    "/web/a",
    `/web/pay?card=${CARD}&token=hush`,
    "/web/x?q=an+attack",
    "/down/x",
    "/guarded/x",
    "/none",
  ])
    await curl(`${gateway.url}${path}`);
  for (let times = 0; times < 3; times++) await curl(`${gateway.url}/own`);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  upstream?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

interface RouteJson {
  readonly id: string;
  readonly requests: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
}

/** All of them, as far as they have counted. */
const COUNTED = [
  { id: "web", requests: 3, byStatus: { "2xx": 2, "4xx": 1 }, refused: { "waf.rule": 1 } },
  { id: "guarded", requests: 1, byStatus: { "4xx": 1 }, refused: { "gateway.unauthenticated": 1 } },
  { id: "down", requests: 1, byStatus: { "5xx": 1 }, refused: { "gateway.connect_failed": 1 } },
  { id: "own", requests: 3, byStatus: { "2xx": 2, "4xx": 1 }, refused: { "gateway.limit_rate": 1 } },
];

describe("a gateway that runs", () => {
  test("gateway status tells where it listens, for people and programs", async () => {
    const { code, stdout } = await tell("status");
    expect([code, stdout]).toEqual([0, expect.stringContaining(`gateway gateway on ${gateway.address}, 1 process`)]);
    expect(stdout).toContain("refused before any route: gateway.no_route 1");
    expect(stdout).toMatch(/firewall \S+: block, 1 rules \(0 not supported\), requests 3, blocked 1/);
    const status = JSON.parse((await tell("status", "--json")).stdout);
    expect(status).toMatchObject({ address: gateway.address, requests: 9, inFlight: 0, routes: 4, reloads: 0 });
    expect((await api.get("/gateway")).body).toMatchObject({ node: "gateway", requests: 9 });
  });

  test("gateway routes tells what each has answered and refused, by itself and over the API", async () => {
    const { code, stdout } = await tell("routes");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^web +\/web\/\* +http:\S+ +unknown +3 +0 +1 /m)]);
    const { routes } = JSON.parse((await tell("routes", "--json")).stdout) as { routes: readonly RouteJson[] };
    expect(routes).toMatchObject(COUNTED);
    const { body } = await api.get<{ items: readonly RouteJson[]; routes: readonly RouteJson[] }>("/gateway/routes");
    expect(body.routes ?? body.items).toMatchObject(COUNTED);
  });

  test("gateway try tells which route takes a request, and exits 1 where none does", async () => {
    const found = await tell("try", "GET", "/web/x", "--client", "10.0.0.9");
    expect([found.code, found.stdout]).toEqual([0, expect.stringContaining("route web takes it")]);
    expect(found.stdout).toContain(`asks for    ${upstream.url}/x`);
    expect(found.stdout).toMatch(/passes {6}firewall \S+: block/);
    const none = await tell("try", "POST", "/own", "--json");
    expect([none.code, JSON.parse(none.stdout)]).toMatchObject([1, { status: 405 }]);
    const limited = await tell("try", "GET", "/own", "--client", "2001:db8::1");
    expect(limited.stdout).toContain("2 in 1 h 0 m by client_ip 2001:db8::1/64, then REJECT");
    const asked = await api.post("/gateway/try", { method: "GET", url: "/guarded/y" });
    expect([asked.status, asked.body]).toMatchObject([
      200,
      { route: "guarded", guards: ["auth token", "mask mask-1: mask in log"] },
    ]);
    expect(upstream.requests.length).toBe(2); // nothing was sent
  });

  test("gateway proposals says that there is none where nothing detects", async () => {
    expect(await tell("proposals")).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing is proposed") });
    expect((await api.get("/gateway/proposals")).body).toEqual({ proposals: [] });
  });

  test("the overview shows it, and the API describes its paths", async () => {
    const { body } = await api.get<{ gateway: { routes: readonly RouteJson[] } }>("/overview");
    expect(body.gateway).toMatchObject({
      ...{ address: gateway.address, requests: 9, malformed: [{ code: "gateway.no_route", count: 1 }] },
      ...{ wafs: [{ mode: "block", blocked: 1 }], proposals: [] },
    });
    expect(body.gateway.routes.map(({ id }) => id)).toEqual(COUNTED.map(({ id }) => id));
    const { paths } = (await api.get<{ paths: Record<string, object> }>("/openapi.json")).body;
    for (const path of ["/gateway", "/gateway/routes", "/gateway/try", "/gateway/reload", "/gateway/proposals"])
      expect(paths).toHaveProperty([path]);
    const { stdout } = await folder.exec(["top", "--once", "--node", await gateway.node.address()], {
      env: { DISTRIBUTED_SYSTEM_DATA_DIR: folder.at("gateway-state") },
    });
    expect(stdout).toContain(`gateway ${gateway.address}: `);
  });

  test("metrics tells what it has counted, as promtool likes it", async () => {
    const text = await api.metrics();
    expect(metricOf(text, `${PREFIX}requests_total{route="web",status="2xx"}`)).toBe(2);
    expect(metricOf(text, `${PREFIX}refused_total{code="gateway.limit_rate",route="own"}`)).toBe(1);
    expect(metricOf(text, `${PREFIX}malformed_total{reason="gateway.no_route"}`)).toBe(1);
    expect(metricOf(text, `${PREFIX}target_tries_total{route="web",target="${upstream.url}"}`)).toBe(2);
    expect(text).toContain(`${PREFIX}waf_blocked_total`);
    if (process.env.CI === "true" || whyNoPromtool() === undefined) await expectGoodMetrics(text);
  });

  test("the access log has a line for each request, without credentials and what masks hide", async () => {
    const lines = await until("the log has nine lines", () => {
      const found = folder.exists("access.log") ? folder.records("access.log") : [];
      return found.length >= 9 && found;
    });
    const told = lines.map(({ path, route, status, why }) => [path, route, status, why]);
    expect(told.slice(0, 7)).toEqual([
      ["/web/a", "web", 200, undefined],
      [expect.stringMatching(/^\/web\/pay\?card=\*+1111&token=\[redacted\]$/), "web", 200, undefined],
      ["/web/x?q=an+attack", "web", 403, "waf.rule"],
      ["/down/x", "down", 502, "gateway.connect_failed"],
      ["/guarded/x", "guarded", 401, "gateway.unauthenticated"],
      ["/none", "", 404, "gateway.no_route"],
      ["/own", "own", 200, undefined],
    ]);
    expect(lines[2]).toMatchObject({ notes: [{ mode: "block", rules: ["1001 ARGS:q"] }] });
    expect(lines[2]).not.toHaveProperty("upstream");
    expect(lines[0]).toMatchObject({ client: "127.0.0.1", upstream: upstream.url, received: 0, sent: 2 });
    expect(folder.text("access.log")).not.toContain("hush");
  });

  test("the node's log says why the firewall blocked a request", () => {
    const { stderr } = gateway.node;
    expect(stderr).toMatch(/blocked: .*an attack in q/);
    expect(stderr).toContain("1001");
  });

  test("gateway reload takes the file as it is now, and a file with faults changes nothing", async () => {
    folder.write("gateway.txt", `${linesOf(upstream).join("\n")}\nroute|more|/more|none|reply=200 more\n`);
    const good = await tell("reload");
    expect([good.code, good.stdout, good.stderr]).toEqual([0, "", expect.stringContaining("5 routes")]);
    folder.write("gateway.txt", "route|web|/web/*|htp://a\n");
    const bad = await tell("reload");
    expect([bad.code, bad.stderr]).toEqual([78, expect.stringContaining("did you mean http://a?")]);
    expect((await curl(`${gateway.url}/more`)).out).toBe("more");
    const { body, status } = await api.post("/gateway/reload", {});
    expect([status, body]).toMatchObject([expect.any(Number), { code: expect.stringContaining("gateway.config") }]);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse((await tell("routes", "--json")).stdout).routes.length).toBe(5);
  });
});

describe("a gateway file alone", () => {
  const state = () => ({ env: { DISTRIBUTED_SYSTEM_DATA_DIR: folder.at("nobody") } });
  const asked = (...words: readonly string[]): Promise<Ended> => folder.exec(["gateway", ...words], state());

  test("gateway check tells every fault with its place, or what is there", async () => {
    folder.write("good.txt", "route|own|/own|none|reply=200 here\nlimit|client_ip|5|1m|DROP\n");
    folder.write("bad.txt", "route|web|/web/*|htp://a|retrys=2\nrout|x\n");
    const good = await asked("check", "good.txt");
    expect([good.code, good.stdout, good.stderr]).toEqual([0, "", "good.txt: right, 1 route, 1 limit\n"]);
    const json = await asked("check", "--json", "good.txt");
    expect(JSON.parse(json.stdout)).toEqual({
      ...{ file: "good.txt", ok: true, faults: [], notes: [], routes: 1, limits: 1, wafs: 0, masks: 0 },
    });
    const bad = await asked("check", "bad.txt");
    expect([bad.code, bad.stdout]).toEqual([78, ""]);
    for (const text of ["bad.txt:1:18: target:", "^", "did you mean retries?", "bad.txt:2:1:", "3 faults"])
      expect(bad.stderr).toContain(text);
    const faults = JSON.parse((await asked("check", "--json", "bad.txt")).stdout);
    expect(faults).toMatchObject({
      ok: false,
      faults: [{ line: 1, column: 18 }, { line: 1, column: 26 }, { line: 2 }],
    });
    const explained = await asked("check", "--explain");
    expect([explained.code, explained.stdout]).toEqual([0, expect.stringContaining("access_log")]);
  });

  test("gateway routes and gateway try --config ask no gateway", async () => {
    folder.write("good.txt", "route|own|/own|none|reply=200 here\nlimit|client_ip|5|1m|DROP\n");
    const routes = await asked("routes", "--config", "good.txt");
    expect([routes.code, routes.stdout]).toEqual([0, expect.stringMatching(/^own +\/own +none/m)]);
    const tried = await asked("try", "GET", "/own", "--config", "good.txt", "--json");
    expect(JSON.parse(tried.stdout)).toMatchObject({
      asked: "good.txt",
      route: "own",
      guards: ["answers 200 at once"],
    });
  });

  test.each([
    [["status"], 1, "no gateway runs with the data directory"],
    [["try", "GET", "/x"], 1, "and --config FILE looks into a gateway file"],
    [["routes"], 1, "and --config FILE looks into a gateway file"],
    [["routes", "--config", "missing.txt"], 66, "missing.txt: no such file"],
    [["check", "missing.txt"], 66, "missing.txt: no such file"],
    [["check"], 64, "needs a gateway file, or --explain"],
    [["try", "GET"], 64, "URL"],
    [["try", "GET", "/x", "--header", "nonsense", "--config", "good.txt"], 64, "NAME: VALUE is required"],
    [["try", "GE T", "/x", "--config", "good.txt"], 64, 'METHOD is "GE T"'],
    [["staus"], 64, '"staus" is no command of distributed_system gateway; did you mean status?'],
    [["stop", "--json"], 64, "there are start, check, routes"],
    [["localhost"], 64, "GATEWAY-PORT"],
    [["127.0.0.1", "0", "--config", "bad.txt"], 78, "gateway check bad.txt tells all"],
    [["127.0.0.1", "0", "--config", "log.txt"], 78, "access_log is"],
    [["check", "log.txt"], 78, "access_log is"],
    [["127.0.0.1", "0"], 64, "--config"],
    [["127.0.0.1", "0", "--config", "missing.txt"], 66, "missing.txt: no such file"],
    [["127.0.0.1", "many", "--config", "good.txt"], 64, 'PORT is "many"'],
    [["0.0.0.0", "0", "--config", "good.txt"], 78, "without TLS"],
    [["127.0.0.1", "0", "--config", "good.txt", "--processes", "0"], 64, "--processes"],
  ] as const)("gateway %j exits %d and says why", async (words, code, text) => {
    folder.write("good.txt", "route|own|/own|none|reply=200 here\n");
    folder.write("bad.txt", "route|own|/own|none|reply=here\nroute|web|/web|htp://a\n");
    folder.write("log.txt", "route|own|/own|none|reply=200 here\nset|access_log=nowhere/at/all.log\n");
    const ended = await asked(...words);
    expect([ended.code, ended.stdout, ended.stderr]).toEqual([code, "", expect.stringContaining(text)]);
  });

  test("gateway routes --config exits 78 when the file has faults", async () => {
    folder.write("bad.txt", "route|web|/web/*|htp://a\n");
    expect(await asked("routes", "--config", "bad.txt")).toMatchObject({ code: 78, stdout: "" });
  });
});
