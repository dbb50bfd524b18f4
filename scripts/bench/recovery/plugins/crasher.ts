/**
 * Dies of SIGKILL in the middle of each batch whose first record says `"crash":true`, once: what it died of last is noted in a
 * file, so that the next process of this stage lets the batch through.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "bench-crasher", version: "1.0.0", description: "dies once of each batch that asks for it" },
  params: { note: param.string("path of a file for the batch it died of; left out, it never dies") },
  init() {},
  processBatch(batch, { params: { note } }) {
    if (note === undefined || batch.length === 0 || batch.row(0).crash !== true) return;
    if (noted(note) === batch.id) return;
    writeFileSync(note, batch.id);
    process.kill(process.pid, "SIGKILL");
  },
  cleanup() {},
});

function noted(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // nothing was noted yet
  }
}
