/** The verifier and the audit plugin were written apart, to one format: here they meet. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import audit from "../../../../plugins/audit/index.ts";
import type { Batch, PluginContext } from "../../../../src/sdk/index.ts";
import { verifyAuditFile } from "../../../../src/work/audit/index.ts";

const directory = mkdtempSync(join(tmpdir(), "audit-plugin-"));
afterAll(() => rmSync(directory, { recursive: true }));

type AuditContext = Parameters<typeof audit.init>[0];

function contextFor(file: string): AuditContext {
  const quiet = (): void => {};
  const log: PluginContext["log"] = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  return {
    params: { file, sync: "none" },
    pipeline: "p",
    run: "r",
    stage: "audit",
    lane: 0,
    directory: process.cwd(),
    log,
  };
}

/** As much of a batch as the plugin reads. */
function batchOf(number: number, records: readonly string[]): Batch {
  const part = {
    id: `orders "ä".ndjson@${number}`,
    timeMs: Date.UTC(2026, 0, 1) + number,
    probe: false,
    length: records.length,
    isLive: () => true,
    json: (row: number) => records[row],
  };
  return part as unknown as Batch;
}

async function writeBatches(file: string, from: number, to: number): Promise<void> {
  const context = contextFor(file);
  await audit.init(context);
  for (let number = from; number < to; number++) {
    await audit.processBatch(batchOf(number, [`{"id":${number}}`, '{"note":"é"}']), context);
  }
  await audit.cleanup(context);
}

test("verifyAuditFile() finds a file intact when the audit plugin wrote it, in several runs with replays", async () => {
  const file = join(directory, "orders.audit");
  await writeBatches(file, 0, 5);
  await writeBatches(file, 3, 9); // batches 3 and 4 come again
  expect(await verifyAuditFile(file)).toMatchObject({ isIntact: true, lines: 9, records: 18, faults: [], notes: [] });
});

test("verifyAuditFile() finds the edit when a line of the audit plugin was changed", async () => {
  const file = join(directory, "edited.audit");
  await writeBatches(file, 0, 3);
  writeFileSync(file, readFileSync(file, "utf8").replace('"count":2', '"count":3'));
  expect((await verifyAuditFile(file)).faults).toMatchObject([{ code: "audit.edited", line: 1 }]);
});
