/** Short ways to routes, as the gateway file gives them. */
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";
import { RouteTable } from "../../../../../src/edge/gateway/route/index.ts";
import type { RoutePlan } from "../../../../../src/edge/gateway/words/index.ts";
import type { RequestHead } from "../../../../../src/wire/http/index.ts";

/** Lines without their `route|`. */
export function plansOf(...lines: string[]): readonly RoutePlan[] {
  const { faults, plan } = parseGatewayFile(lines.map((line) => `route|${line}`).join("\n"), "g.txt");
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return plan.routes;
}

/** Patterns by their ids: `a: GET /x`. */
export function tableOf(patterns: Readonly<Record<string, string>>): RouteTable {
  return new RouteTable(
    plansOf(
      ...Object.entries(patterns).map(([id, text]) => {
        const [pattern, options = ""] = text.split(" | ");
        return `${id}|${pattern}|http://up|${options}`;
      }),
    ),
  );
}

export function head(target: string, more: Partial<RequestHead> = {}): RequestHead {
  return { method: "GET", target, scheme: "http", authority: "example.com", headers: [], version: "1.1", ...more };
}
