/** How maps are read, watched and changed: what a call may be told besides the key. */
import type { CallOptions } from "../../wire/rpc/index.ts";
import type { Value } from "../words/index.ts";

export type Consistency = "linearizable" | "lease" | "stale";

export interface ReadOptions extends CallOptions {
  readonly consistency?: Consistency;
}

export interface RangeOptions extends ReadOptions {
  readonly prefix?: string;
  readonly from?: string;
  /** Keys behind this one. */
  readonly after?: string;
  readonly end?: string;
  /** Of one page; the iterator gives them all. */
  readonly limit?: number;
  /** Empty texts stand for the values. */
  readonly keysOnly?: boolean;
}

/** Of a range, whole. */
export type CountOptions = Pick<RangeOptions, "consistency" | "end" | "from" | "prefix"> & CallOptions;

export interface WatchOptions {
  readonly key?: string;
  readonly prefix?: string;
  /** The first revision that comes; without it, what happens from now on. */
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** When it hears nothing from anybody for so long it fails (one minute). */
  readonly silenceMs?: number;
}

export interface PutOptions extends CallOptions {
  /** The key goes with this lease. */
  readonly lease?: number;
}

export type Expectation = { readonly value: Value } | { readonly revision: number } | { readonly absent: true };
