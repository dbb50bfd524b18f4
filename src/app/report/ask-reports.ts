/**
 * Reports for who asks on the command line: a master's are with the masters, those of runs on this machine in a file. Whoever names a
 * node asks there only. Else a master that runs here is asked, and the file; when none runs, the file has what ended here.
 */
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { createClient } from "../../wire/rpc/index.ts";
import { type ReportLine, type ReportView, viewOf } from "../../work/report/index.ts";
import { type AskChoices, askNode } from "../node/ask-node.ts";
import { findReport, listReports } from "./reports.ts";
import { reportsContract } from "./reports-contract.ts";

export interface Found<T> {
  readonly found: T;
  /** Why a master that runs here was not heard, for people. */
  readonly silent?: string;
}

export async function listAllReports(choices: AskChoices, limit: number): Promise<Found<readonly ReportLine[]>> {
  const { answer, silent } = await asked(choices, async (client) => (await client.list({})).reports);
  if (choices.node !== undefined) return { found: (answer ?? []).slice(0, limit) };
  const local = listReports(choices.dataDir, Number.MAX_SAFE_INTEGER);
  const byId = new Map([...local, ...(answer ?? [])].map((line) => [line.id, line]));
  const found = [...byId.values()].sort((one, other) => other.startedMs - one.startedMs).slice(0, limit);
  return { found, ...(silent !== undefined && { silent }) };
}

/** Fails with `report.not_found` or `report.ambiguous`. */
export async function findAnyReport(choices: AskChoices, id: string): Promise<Found<ReportView>> {
  const { answer, silent, unknown } = await asked(
    choices,
    async (client) => (await client.show({ report: id })).report,
  );
  if (answer) return { found: viewOf(answer) };
  if (choices.node !== undefined) throw unknown;
  try {
    return { found: findReport(choices.dataDir, id), ...(silent !== undefined && { silent }) };
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === "report.not_found" && unknown) throw unknown;
    throw thrown;
  }
}

interface Answer<T> {
  readonly answer?: T;
  readonly silent?: string;
  /** It has none of that name. */
  readonly unknown?: Failure;
}

type Client = ReturnType<typeof createClient<typeof reportsContract.methods>>;

async function asked<T>(choices: AskChoices, ask: (client: Client) => Promise<T>): Promise<Answer<T>> {
  const { node, timeoutMs } = choices;
  try {
    const { answer } = await askNode({ ...choices, commands: ["master"] }, (transport) =>
      ask(createClient(reportsContract, transport, { clock: systemClock, timeoutMs })),
    );
    return { answer };
  } catch (thrown) {
    const code = thrown instanceof Failure ? thrown.code : "";
    if (code === "report.not_found") return { unknown: thrown as Failure };
    if (node !== undefined || code === "report.ambiguous") throw thrown;
    return code === "cluster.no_node" ? {} : { silent: messageOf(thrown) };
  }
}
