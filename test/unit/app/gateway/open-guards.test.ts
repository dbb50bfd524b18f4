/** What a reload makes of firewalls: kept while neither their line nor their rule files change. */
import { describe, expect, spyOn, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { openGuards } from "../../../../src/app/gateway/open-guards.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { Gateway } from "../../../../src/edge/gateway/core/index.ts";
import { parseGatewayFile } from "../../../../src/edge/gateway/file/index.ts";
import type { GatewayPlan } from "../../../../src/edge/gateway/words/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { Workspace } from "../../../support/workspace.ts";
import { Client, CoreRig, OpenBody } from "../../edge/gateway/core/rig.ts";

const ports = {
  logger: createLogger({ name: "gw", level: "error", clock: new SteppedClock(), sink: () => {} }),
  server: () => ({ address: "127.0.0.1", port: 1 }),
};

function planOf(rules: string, options = ""): GatewayPlan {
  const text = ["route|web|/web/*|http://a", `waf|${rules}|detect|id=own${options}`].join("\n");
  const { faults, plan } = parseGatewayFile(text, "g.txt");
  expect(faults).toEqual([]);
  return plan;
}

function rule(id: number, operator = "@contains x"): string {
  return `SecRule ARGS "${operator}" "id:${id},phase:2,deny,status:403"\n`;
}

describe("openGuards()", () => {
  test("openGuards() lets others run while it loads: a file that goes meanwhile is missed, and the next reload sees it", async () => {
    using place = new Workspace();
    const count = 400; // far more than are read in one turn
    for (let at = 1; at <= count; at++) place.write(`rules/${1_000 + at}.conf`, rule(at));
    const opening = openGuards(planOf(`${place.path}/rules`), ports);
    await new Promise((resolve) => setImmediate(resolve));
    rmSync(`${place.path}/rules/1400.conf`);
    const { files, loaded } = (await opening).loaded()[0]!;
    expect([loaded.ruleCount, files.isUnchanged]).toEqual([count - 1, false]);
  });

  test("openGuards() at a reload takes no rules with mistakes in them where they are to block: the former ones stay", async () => {
    using place = new Workspace();
    place.write("rules/a.conf", rule(1));
    const watching = planOf(`${place.path}/rules`);
    const blocking = { ...watching, wafs: watching.wafs.map((waf) => ({ ...waf, mode: "block" as const })) };
    const former = await openGuards(blocking, ports);
    place.write("rules/a.conf", `${rule(1)}SecRule ARGS "@nope x" "id:2,phase:2,deny"\n`);
    const failing = openGuards(blocking, ports, former);
    await expect(failing).rejects.toMatchObject({ code: "gateway.waf", message: expect.stringContaining("a.conf:2") });
    expect((await openGuards(watching, ports, former)).loaded()[0]!.loaded.ruleCount).toBe(1);
    place.write("rules/a.conf", `${rule(1)}SecRule GEO "@eq 1" "id:2,phase:2,deny"\n`);
    expect((await openGuards(blocking, ports, former)).loaded()[0]!.loaded.ruleCount).toBe(1);
  });

  test.each<readonly [string, boolean, (place: Workspace) => void]>([
    ["nothing has changed", true, () => {}],
    ["another file has come beside its directory", true, (place) => void place.write("other.conf", rule(9))],
    ["a rule file has another text", false, (place) => void place.write("rules/a.conf", rule(1) + rule(2))],
    ["a rule file is another one of the same size", false, (place) => void place.write("rules/a.conf", rule(7))],
    ["a rule file has come", false, (place) => void place.write("rules/b.conf", rule(2))],
    ["a rule file has gone", false, (place) => rmSync(`${place.path}/rules/c.conf`)],
    ["a file of words has changed", false, (place) => void place.write("rules/words.data", "one\ntwo\n")],
  ])("openGuards() at a reload when %s: its firewall is kept is %p", async (_, isKept, change) => {
    using place = new Workspace();
    place.write("rules/a.conf", rule(1));
    place.write("rules/c.conf", rule(3, "@pmFromFile words.data"));
    place.write("rules/words.data", "one\n");
    const plan = planOf(`${place.path}/rules`);
    const first = await openGuards(plan, ports);
    change(place);
    const second = await openGuards(plan, ports, first);
    expect(second.loaded()[0]!.loaded === first.loaded()[0]!.loaded).toBe(isKept);
    const third = await openGuards(plan, ports, second);
    expect(third.loaded()[0]!.loaded).toBe(second.loaded()[0]!.loaded);
    const other = await openGuards(planOf(`${place.path}/rules`, ",paranoia=2"), ports, third);
    expect(other.loaded()[0]!.loaded).not.toBe(third.loaded()[0]!.loaded);
  });
});

test("openGuards() closes the audit log of a firewall that another one takes the place of, and of no other", async () => {
  using place = new Workspace();
  place.write("rules/a.conf", rule(1));
  const plan = planOf(`${place.path}/rules`, `,audit_log=${place.at("audit.ndjson")}`);
  const first = await openGuards(plan, ports);
  const { audit } = first.loaded()[0]!;
  const close = spyOn(audit!, "close");
  const second = await openGuards(plan, ports, first);
  expect(close).toHaveBeenCalledTimes(0);
  await openGuards(planOf(`${place.path}/rules`), ports, second);
  expect(close).toHaveBeenCalledTimes(1);
});

test("what a firewall quotes of a field that a JSON path hides in logs stands neither in its log nor in its proposals", async () => {
  using place = new Workspace();
  const told: string[] = [];
  const sink = (line: unknown) => void told.push(JSON.stringify(line));
  const logger = createLogger({ name: "gw", level: "info", clock: new SteppedClock(), sink });
  const block =
    "phase:2,deny,status:403,msg:'bad %{MATCHED_VAR}',logdata:'%{TX.0} within %{MATCHED_VAR_NAME}: %{MATCHED_VAR}'";
  place.write("a.conf", `SecRule ARGS "@rx un[a-z]+" "id:1,capture,${block}"`);
  const lines = [
    "route|web|/*|http://a",
    `waf|${place.at("a.conf")}|block|id=own,audit_log=${place.at("audit.ndjson")}`,
    "mask|log|$..password|mask",
  ];
  const { faults, plan } = parseGatewayFile(lines.join("\n"), "g.txt");
  expect(faults).toEqual([]);
  const guards = await openGuards(plan, { ...ports, logger });
  const rig = new CoreRig(
    lines.filter((line) => !line.startsWith("waf")),
    {
      guardsFor: (route) => guards.guardsFor(route),
    },
  );
  const ask = async (target: string) => {
    const client = rig.send(target);
    // On a busy machine an inspection may be gone on with in a later turn.
    expect(await until("the verdict", () => client.status)).toBe(403);
  };
  await ask("/?password=union-select&q=unhappy");
  const all = told.join("\n") + readFileSync(place.at("audit.ndjson"), "utf8");
  expect(all).toContain("ARGS:password");
  expect(all).not.toContain("union");
  await ask("/?q=unhappy");
  expect(told.join("\n")).toContain("unhappy within ARGS:q");
});

describe("openGuards() of a firewall that says why it blocked", () => {
  test("the message of a block is masked, also of a request whose route a reload has renamed and whose mask has gone with it", async () => {
    using place = new Workspace();
    place.write("a.conf", `SecRule ARGS:c "@rx ^4" "id:1,phase:1,deny,status:403,msg:'bad number %{MATCHED_VAR}'"`);
    const told: string[] = [];
    const logger = createLogger({
      name: "gw",
      level: "info",
      clock: new SteppedClock(),
      sink: (line) => told.push(JSON.stringify(line)),
    });
    const lines = (id: string, ...more: string[]) => {
      const { faults, plan } = parseGatewayFile(
        [`route|${id}|/*|http://a`, `waf|${place.at("a.conf")}|block|id=own`, ...more].join("\n"),
        "g.txt",
      );
      expect(faults).toEqual([]);
      return plan;
    };
    const before = lines("pay", "mask|log|card|mask|routes=pay");
    const first = await openGuards(before, { ...ports, logger });
    const rig = new CoreRig("route|x|/*|http://a");
    const gateway = new Gateway(
      { ...rig.partsOf(before), guardsFor: (route) => first.guardsFor(route) },
      { ended() {}, failed() {} },
    );
    const card = "4111111111111111";
    const ask = async () => {
      told.length = 0;
      const client = new Client(
        { method: "GET", target: `/?c=${card}`, scheme: "http", authority: "a", headers: [], version: "1.1" },
        new OpenBody(0),
        { address: "192.0.2.7", port: 1 },
      );
      gateway.handle(client);
      // On a busy machine an inspection may be gone on with in a later turn.
      expect(await until("the verdict", () => client.status)).toBe(403);
      return told.join("\n");
    };
    expect(await ask()).toContain("blocked: bad number *");
    await openGuards(lines("payments"), { ...ports, logger }, first);
    const later = await ask();
    expect(later).toContain("blocked: bad number *");
    expect(later).not.toContain(card);
  });
});
