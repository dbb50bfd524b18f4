/**
 * For tests of plugins, under the name `distributed-system/testing`: runs a definition over records in this process, the
 * way a host would, and says what became of each.
 */
import type { Batch, PluginDefinition } from "../../sdk/index.ts";
import { batchFromRecords } from "../../wire/batch/index.ts";
import type { Fields, PluginRun, RunOptions } from "./testing-types.ts";

export type { PluginRun, RunOptions } from "./testing-types.ts";

export function createBatch(records: readonly Fields[], options: { id?: string; timeMs?: number } = {}): Batch {
  return batchFromRecords(records, { id: options.id ?? "test@0", timeMs: options.timeMs ?? 0 });
}

/** init, every batch, finish, cleanup. Throws what the plugin throws. */
export async function runPlugin(definition: unknown, options: RunOptions): Promise<PluginRun> {
  const plugin = definition as PluginDefinition; // definePlugin made it; its parameter types do not matter here
  const log: string[] = [];
  const context = contextFor(plugin, options.params ?? {}, log);
  const done = { records: [] as Fields[], rejected: [] as { record: Fields; reason: string }[], filtered: 0, log };
  const lists = options.batches ?? [options.records ?? []];
  await plugin.init(context);
  for (const [index, records] of [...lists, []].entries()) {
    const batch = batchFromRecords(records, { id: `test@${index}`, timeMs: options.timeMs ?? 0 });
    if (records.length > 0) await plugin.processBatch(batch, context);
    if (index === lists.length) await plugin.finish?.(batch, context);
    for (let row = 0; row < batch.length; row++) if (batch.isLive(row)) done.records.push(batch.record(row));
    done.records.push(...appended(batch.appendedText));
    done.rejected.push(...batch.rejected.map(({ row, reason }) => ({ record: batch.record(row), reason })));
    done.filtered += batch.filteredRows;
  }
  await plugin.cleanup(context);
  return done;
}

function contextFor(plugin: PluginDefinition, params: Readonly<Record<string, unknown>>, log: string[]) {
  const defaults = Object.entries(plugin.params).map(([name, spec]) => [name, spec.default] as const);
  const write = (level: string) => (message: string) => void log.push(`${level}: ${message}`);
  return {
    params: { ...Object.fromEntries(defaults), ...params },
    pipeline: "test",
    run: "test",
    stage: plugin.info.name,
    lane: 0,
    directory: process.cwd(),
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
  };
}

function appended(text: Uint8Array): Fields[] {
  const lines = new TextDecoder().decode(text).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Fields);
}
