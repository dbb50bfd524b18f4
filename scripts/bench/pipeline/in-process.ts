/**
 * The same five plugins, called one after the other in one process: what isolation is measured against. No processes,
 * no shared memory, no checksums, no checkpoint; a crash would take everything with it. Run as a program of its own:
 * in-process.ts ORDERS PRODUCTS OUTPUT.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { PluginContext, PluginPackage } from "../../../src/sdk/index.ts";
import { ByteWriter, parseNdjson, type RecordBatch, writeNdjson } from "../../../src/wire/batch/index.ts";
import category from "./plugins/category.ts";
import emailHash from "./plugins/email-hash.ts";
import filter from "./plugins/filter.ts";
import groupSums from "./plugins/group-sums.ts";
import total from "./plugins/total.ts";

/** As the pipeline's own default: about 5,000 orders. */
const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 10;

interface Step {
  readonly plugin: PluginPackage;
  readonly context: PluginContext;
}

function step(plugin: unknown, params: Readonly<Record<string, unknown>>): Step {
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const context = { params, pipeline: "bench", run: "bench", stage: "bench", lane: 0, directory: process.cwd(), log };
  return { plugin: plugin as PluginPackage, context: context as PluginContext }; // each plugin gets its own parameters
}

async function main(orders: string, products: string, output: string): Promise<void> {
  const steps = [
    step(filter, { min_amount: 150 }),
    step(total, {}),
    step(category, { table: products }),
    step(emailHash, {}),
    step(groupSums, {}),
  ];
  for (const { plugin, context } of steps) await plugin.init(context);
  const fd = openSync(output, "w");
  const writer = new ByteWriter();
  const write = (batch: RecordBatch): void => {
    writer.clear();
    writeNdjson(batch, writer);
    writeSync(fd, writer.view());
  };
  for (const chunk of chunksOf(orders)) {
    const { batch, malformed } = parseNdjson(chunk, { id: "bench@0", timeMs: 0, line: 2 });
    if (malformed.length > 0) throw new Error(`malformed: ${malformed[0]!.reason}`);
    for (const { plugin, context } of steps) await plugin.processBatch(batch, context);
    write(batch);
  }
  const { batch: last } = parseNdjson(new Uint8Array(0), { id: "bench@end", timeMs: 0, line: 1 });
  for (const { plugin, context } of steps) await plugin.finish?.(last, context);
  write(last);
  for (const { plugin, context } of steps) await plugin.cleanup(context);
  closeSync(fd);
}

/** Whole lines; each chunk is valid until the next is asked for. */
function* chunksOf(path: string): Generator<Uint8Array> {
  const fd = openSync(path, "r");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const bytes = readSync(fd, buffer, 0, buffer.length, position);
    const end = buffer.subarray(0, bytes).lastIndexOf(NEWLINE) + 1;
    if (end === 0) break;
    yield buffer.subarray(0, end);
    position += end;
  }
  closeSync(fd);
}

const [orders, products, output] = process.argv.slice(2);
if (output === undefined) throw new Error("usage: in-process.ts ORDERS PRODUCTS OUTPUT");
await main(orders!, products!, output);
