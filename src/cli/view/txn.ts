/** What transactions answer, and those that are under way, for people. Pure. */
import { printable } from "../../base/printable.ts";
import { formatDurationMs } from "../../base/units.ts";
import { entryLine } from "./data.ts";
import { textTable } from "./table.ts";

interface ToldEntry {
  readonly key: string;
  readonly value: string | { readonly base64: string };
}

type Reply = Readonly<Record<string, unknown>> | object;

/** A line for each operation. */
export function repliesText(replies: readonly Reply[], lead = ""): string {
  return replies.map((reply) => `${lead}${replyLine(reply)}\n`).join("");
}

function replyLine(reply: Reply): string {
  if ("ids" in reply && Array.isArray(reply.ids)) return `enqueued\t${reply.ids.join(", ")}`;
  if ("value" in reply) return `counter\t${String(reply.value)}`;
  if ("revision" in reply) return `revision\t${String(reply.revision)}`;
  const { entry } = reply as { readonly entry?: ToldEntry | undefined }; // of a read, the last kind there is
  return entry ? `entry\t${entryLine({ key: entry.key, value: plain(entry.value) })}` : "entry\tnone";
}

function plain(value: ToldEntry["value"]): string | Uint8Array {
  return typeof value === "string" ? value : Buffer.from(value.base64, "base64");
}

export interface ShownTransaction {
  readonly id: string;
  readonly side: string;
  readonly state: string;
  readonly groups: readonly string[];
  readonly leftMs?: number | undefined;
}

export function transactionsTable(transactions: readonly ShownTransaction[]): string {
  const rows = transactions.map(({ groups, id, leftMs, side, state }) => [
    printable(id),
    side,
    state,
    groups.map(printable).join(", "),
    leftMs === undefined ? "" : leftMs < 0 ? "overdue" : formatDurationMs(leftMs),
  ]);
  return textTable(["transaction", "side", "state", "groups", "left"], rows);
}
