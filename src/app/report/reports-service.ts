/** Answers the contract `reports`. */
import { implement, type Service } from "../../wire/rpc/index.ts";
import type { StoredReports } from "../../work/report/index.ts";
import { reportsContract } from "./reports-contract.ts";

export function reportsService(reports: Pick<StoredReports, "list" | "get">): Service {
  return implement(reportsContract, {
    list: ({ limit }) => ({ reports: reports.list(limit) }),
    show: ({ report }) => ({ report: reports.get(report) }),
  });
}
