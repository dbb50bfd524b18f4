/** Runs a plugin the way a host does, on real batches: parameters filled up with defaults, then init, batches, finish. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  ParamFault,
  ParamSpec,
  PluginContext,
  PluginDefinition,
  Snapshot,
  Value,
} from "../../../src/sdk/index.ts";
import {
  ByteWriter,
  batchFromRecords,
  parseNdjson,
  type RecordBatch,
  writeNdjson,
} from "../../../src/wire/batch/index.ts";

export type Records = readonly { readonly [field: string]: Value | undefined }[];

export const META = { id: "in.ndjson@0", timeMs: 1_700_000_000_000 };

export function batchOf(records: Records, meta: { id?: string; timeMs?: number; probe?: boolean } = {}): RecordBatch {
  return batchFromRecords(records, { ...META, ...meta });
}

/** A batch of NDJSON text as it stands, for what must come through byte for byte. */
export function batchOfText(text: string, meta: { id?: string; probe?: boolean } = {}): RecordBatch {
  const { batch, malformed } = parseNdjson(new TextEncoder().encode(text), { ...META, ...meta, line: 1 });
  if (malformed.length > 0) throw new Error(`bad test text: ${malformed[0]!.reason}`);
  return batch;
}

export function textOf(batch: RecordBatch): string {
  const writer = new ByteWriter();
  writeNdjson(batch, writer);
  return new TextDecoder().decode(writer.view());
}

/** What goes on, parsed; integers beyond 2^53 lose digits here. */
export function recordsOf(batch: RecordBatch): Record<string, unknown>[] {
  return textOf(batch)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

// biome-ignore lint/suspicious/noExplicitAny: tests give parameters of any plugin
type AnyPlugin = PluginDefinition<any>;

export interface Running {
  readonly warnings: string[];
  process(batch: RecordBatch): Promise<RecordBatch>;
  finish(): Promise<RecordBatch>;
  snapshot(): Promise<Snapshot>;
  restore(snapshot: Snapshot): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Parameters as a host gives them. */
function withDefaults(plugin: AnyPlugin, params: Record<string, unknown>): never {
  const specs: [string, ParamSpec][] = Object.entries(plugin.params);
  const defaults = Object.fromEntries(specs.map(([name, spec]) => [name, spec.default]));
  for (const name of Object.keys(params)) if (!(name in defaults)) throw new Error(`no parameter ${name}`);
  return { ...defaults, ...params } as never;
}

export async function check(plugin: AnyPlugin, params: Record<string, unknown>): Promise<readonly ParamFault[]> {
  return plugin.check!(withDefaults(plugin, params));
}

export async function start(plugin: AnyPlugin, params: Record<string, unknown>, stage = "stage"): Promise<Running> {
  const warnings: string[] = [];
  const silent = (): void => {};
  const context: PluginContext = {
    params: withDefaults(plugin, params),
    pipeline: "test",
    run: "run1",
    stage,
    lane: 0,
    directory: process.cwd(),
    log: { debug: silent, info: silent, warn: (message) => warnings.push(message), error: silent },
  };
  await plugin.init(context);
  return {
    warnings,
    async process(batch) {
      await plugin.processBatch(batch, context);
      return batch;
    },
    async finish() {
      const batch = batchOf([], { id: "in.ndjson@end" });
      await plugin.finish?.(batch, context);
      return batch;
    },
    snapshot: async () => JSON.parse(JSON.stringify(await plugin.snapshot!(context))), // as it comes back from a checkpoint
    restore: async (snapshot) => plugin.restore!(snapshot, context),
    [Symbol.asyncDispose]: async () => plugin.cleanup(context),
  };
}

export interface TempDir extends Disposable {
  readonly path: string;
  file(name: string, content: string | Uint8Array, mode?: number): string;
}

export function tempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), "plugins-"));
  return {
    path,
    file(name, content, mode = 0o600) {
      const file = join(path, name);
      writeFileSync(file, content);
      chmodSync(file, mode);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
