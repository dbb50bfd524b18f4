/**
 * audit: one line for each batch in a hash-chained file: which batch, which stage, how many records, when, and the digest of the
 * records as they pass here. Records are not touched. `distributed_system audit verify FILE` checks the chain.
 */
import { createHash } from "node:crypto";
import { type Batch, definePlugin, param } from "distributed-system";
import { AuditLog } from "./audit-log.ts";

let log: AuditLog | undefined;

export default definePlugin({
  info: {
    name: "audit",
    version: "1.0.0",
    description: "Appends a hash-chained line with a digest of the records for each batch",
  },
  params: {
    file: param.string("the audit file, written; FILE.head and FILE.lock lie beside it", { required: true }),
    sync: param.choice(
      "when lines are forced to disk: each batch, every 64 lines, or when the system likes",
      ["batch", "interval", "none"],
      { default: "batch" },
    ),
    on_conflict: param.choice(
      "a batch that is in the file already, with other records: fails, or gets a line of its own",
      ["fail", "append"],
      { default: "fail" },
    ),
  },
  sequential: true,
  init({ params }) {
    log = new AuditLog({ file: params.file, sync: params.sync, onConflict: params.on_conflict });
  },
  processBatch(batch, { stage }) {
    if (batch.probe) return;
    const { count, digest } = digestOf(batch);
    log!.add({ batch: batch.id, stage, count, timeMs: batch.timeMs, digest });
  },
  cleanup() {
    log?.close();
    log = undefined;
  },
});

/** SHA-256 over each record's JSON text and a newline. */
function digestOf(batch: Batch): { count: number; digest: string } {
  const texts: string[] = [];
  for (let row = 0; row < batch.length; row++) if (batch.isLive(row)) texts.push(batch.json(row));
  const hash = createHash("sha256");
  if (texts.length > 0) hash.update(texts.join("\n")).update("\n");
  return { count: texts.length, digest: hash.digest("hex") };
}
