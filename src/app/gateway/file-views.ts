/** A gateway file seen without a gateway: its routes, and which one would take a request. */
import { RouteTable } from "../../edge/gateway/route/index.ts";
import type { RouteView, TryAnswer } from "./gateway-contract.ts";
import { loadPlan } from "./load-plan.ts";
import { type TryQuestion, tried } from "./try-request.ts";

/** Fails with `gateway.file`. */
export async function fileRoutes(path: string): Promise<readonly RouteView[]> {
  return (await loadPlan(path)).routes.map(({ id, line, match, targets }) => ({
    ...{ id, line, pattern: match.text },
    targets: targets.map(({ name, text, weight }) => ({
      ...{ target: text, name, weight, state: "unknown" },
      ...{ inFlight: 0, requests: 0, failures: 0 },
    })),
    ...{ requests: 0, inFlight: 0, byStatus: {}, refused: {}, receivedBytes: 0, sentBytes: 0 },
  }));
}

/** Fails with `gateway.file`. */
export async function explainFile(path: string, question: TryQuestion): Promise<TryAnswer> {
  const plan = await loadPlan(path);
  return tried(plan, new RouteTable(plan.routes, plan.settings.pathParameters), question);
}
