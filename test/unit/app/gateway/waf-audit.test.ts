/** What a firewall's audit log says, and what it hides. */
import { describe, expect, test } from "bun:test";
import { openAudit, wafText } from "../../../../src/app/gateway/waf-audit.ts";
import { Failure } from "../../../../src/base/errors.ts";
import type { WafRecord } from "../../../../src/edge/waf/engine/index.ts";
import { ask, wafOf } from "../../../support/waf.ts";
import { Workspace } from "../../../support/workspace.ts";

const RULES = `SecRuleEngine On
SecRule ARGS "@contains evil" "id:1,phase:2,deny,status:403,msg:'it is evil',logdata:'%{MATCHED_VAR}'"`;

function record(mode: "block" | "detect"): WafRecord {
  return ask(wafOf(RULES, { mode }), { target: "/a?q=evil+4111" }).record;
}

describe("openAudit()", () => {
  test("openAudit() writes a line with verdict and rules when a rule has matched, without what masks hide", () => {
    using folder = new Workspace();
    const audit = openAudit(folder.at("audit.ndjson"), () => {})!;
    const mask = (text: string): string => text.replaceAll("4111", "****");
    audit.add(record("block"), "request-1", mask);
    audit.add(record("detect"), "request-2", mask);
    const text = folder.text("audit.ndjson");
    expect(text).not.toContain("4111");
    const [blocked, watched] = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(blocked).toMatchObject({
      ...{ request: "request-1", waf: "w", mode: "block", client: "192.0.2.7", route: "r" },
      verdict: { kind: "block", status: 403 },
      rules: [{ rule: 1, message: "it is evil", data: "evil ****" }],
    });
    expect(watched).toMatchObject({ request: "request-2", verdict: { kind: "pass" }, wouldBe: { kind: "block" } });
  });

  test("openAudit() hides what stands in the message of a verdict, and where a text is cut", () => {
    using folder = new Workspace();
    const audit = openAudit(folder.at("audit.ndjson"), () => {})!;
    const card = "4111111111111111";
    const rules = `SecRuleEngine On
SecRule ARGS "@contains evil" "id:1,phase:2,deny,status:403,msg:'bad %{MATCHED_VAR}',logdata:'%{MATCHED_VAR}'"`;
    const value = `evil${"x".repeat(186)}`; // the card goes beyond what is shown
    const { record } = ask(wafOf(rules), { target: `/a?q=${value}${card}` });
    audit.add(record, "request-1", (text) => text.replaceAll(card, "****"));
    const [line] = folder.text("audit.ndjson").trim().split("\n");
    expect(line).not.toContain("4111");
    expect(JSON.parse(line!)).toMatchObject({
      verdict: { message: `bad ${value}****` },
      rules: [{ message: `bad ${value}****`, data: `${value}****` }],
    });
  });

  test("wafText() cuts what is too long behind the masks, and says so", () => {
    const { record } = ask(wafOf(RULES), { target: `/a?q=evil${"x".repeat(700)}411111111111111` }); // cut by the engine, too
    const [match] = record.matches;
    expect(wafText(match!.data, (text) => text)).toBe(`evil${"x".repeat(196)}…`);
    expect(wafText(match!.data, (text) => text.replaceAll("x", ""))).toBe("…");
    expect(wafText("é".repeat(201), (text) => text)).toBe(`${"é".repeat(200)}…`);
    expect(wafText("é".repeat(200), (text) => text)).toBe("é".repeat(200));
  });

  test("openAudit() opens nothing when no file is named, and fails when it cannot be written", () => {
    expect(openAudit(undefined, () => {})).toBeUndefined();
    expect(() => openAudit("/proc/none/audit.ndjson", () => {})).toThrow(Failure);
  });
});
