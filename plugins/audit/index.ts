/**
 * audit: one line for each batch in a hash-chained file: which batch, which stage, how many records, when, and the digest of the
 * records as they pass here. A batch is named by the run and its own id: a run that goes on after a crash adds no second line,
 * a run that starts over adds its own. Records are not touched. `distributed_system audit verify FILE` checks the chain.
 */
import { createHash } from "node:crypto";
import { type Batch, definePlugin, param } from "distributed-system";
import { Faults } from "../common/faults.ts";
import { AuditLog } from "./audit-log.ts";
import { checkPlace } from "./place.ts";

let log: AuditLog | undefined;

export default definePlugin({
  info: {
    name: "audit",
    version: "1.0.0",
    description: "Appends a hash-chained line with a digest of the records for each batch",
  },
  params: {
    file: param.file("the audit file, written; FILE.head and FILE.lock lie beside it", { required: true }),
    sync: param.choice(
      "when lines are forced to disk: each batch, every 64 lines, or when the system likes",
      ["batch", "interval", "none"],
      { default: "batch" },
    ),
  },
  sequential: true,
  exclusive: true,
  check({ file }) {
    const faults = new Faults();
    faults.attempt("file", () => checkPlace(file));
    return faults.list;
  },
  init({ params }) {
    const faults = new Faults();
    faults.attempt("file", () => checkPlace(params.file));
    faults.throwFirst();
    log = new AuditLog({ file: params.file, sync: params.sync });
  },
  processBatch(batch, { run, stage }) {
    if (batch.probe) return;
    const { count, digest } = digestOf(batch);
    log!.add({ batch: `${run}/${batch.id}`, stage, count, timeMs: batch.timeMs, digest });
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
