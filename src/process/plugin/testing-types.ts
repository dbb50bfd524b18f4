/** The types of `distributed-system/testing`. `plugin new` writes this file beside a plugin, so it imports the SDK only. */
import type { Batch, Value } from "../../sdk/index.ts";

export type Fields = { readonly [field: string]: Value | undefined };

export interface PluginRun {
  /** Records that go on, as plain values. */
  readonly records: readonly Fields[];
  readonly rejected: readonly { readonly record: Fields; readonly reason: string }[];
  readonly filtered: number;
  /** What the plugin wrote to its log. */
  readonly log: readonly string[];
}

export interface RunOptions {
  /** Values as the plugin sees them; what is left out takes the default of its schema. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Records of each batch; `records` alone makes one batch. */
  readonly batches?: readonly (readonly Fields[])[];
  readonly records?: readonly Fields[];
  /** Time of the batches, milliseconds since the epoch. */
  readonly timeMs?: number;
}

export interface TestKit {
  createBatch(records: readonly Fields[], options?: { id?: string; timeMs?: number }): Batch;
  /** init, every batch, finish, cleanup. Throws what the plugin throws. */
  runPlugin(definition: unknown, options: RunOptions): Promise<PluginRun>;
}
