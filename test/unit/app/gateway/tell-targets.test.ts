/** How loud the log is about targets. */
import { expect, test } from "bun:test";
import { tellTargets } from "../../../../src/app/gateway/tell-targets.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { parseGatewayFile } from "../../../../src/edge/gateway/file/index.ts";
import type { TargetEvent } from "../../../../src/edge/gateway/upstream/index.ts";

const target = parseGatewayFile("route|a|/|http://u", "g.txt").plan.routes[0]!.targets[0]!;

function told(event: TargetEvent): string[] {
  const lines: string[] = [];
  const at = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  tellTargets({ debug: at("debug"), info: at("info"), warn: at("warn") }, event);
  return lines;
}

test("tellTargets() warns only of what is worse than before", () => {
  const why = { target, reason: "why" };
  const events: readonly TargetEvent[] = [
    { ...why, type: "health", to: "healthy" },
    { ...why, type: "health", to: "unhealthy" },
    { ...why, type: "breaker", to: "closed" },
    { ...why, type: "breaker", to: "open" },
    { ...why, type: "breaker", to: "half_open" },
    { ...why, type: "ejected", untilMs: 1 },
    { ...why, type: "returned" },
    { target, type: "mirror_failed", failure: new Failure("gateway.connect_failed", "it is down") },
  ];
  expect(events.flatMap(told)).toEqual([
    "info http://u is healthy",
    "warn http://u is unhealthy",
    "info http://u is closed",
    "warn http://u is open",
    "warn http://u is half_open",
    "warn http://u is ejected",
    "info http://u is returned",
    "debug the copy for http://u failed: it is down",
  ]);
});
