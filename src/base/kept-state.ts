/**
 * The port to state that outlives its process: keys are text with "/" between their parts, values are bytes. Reading is of what
 * is here, at once; writing is all or nothing. Who writes may have been replaced by another one meanwhile: then the write fails
 * with `master.deposed`, nothing of it is written, ever, and nobody has to be told anything more by him.
 */
import { Failure } from "./errors.ts";

export interface KeptEntry {
  readonly key: string;
  /** Not to be changed by anybody. */
  readonly value: Uint8Array;
}

export type KeptChange = KeptEntry | { readonly key: string; readonly delete: true };

export interface KeptState {
  get(key: string): Uint8Array | undefined;
  /** In the order of their keys. */
  list(prefix: string): readonly KeptEntry[];
  /**
   * Durable when it resolves; writes take effect in the order of the calls. Bounded by the limits below; `kept-large.ts` is for
   * what is larger. Fails with `master.deposed`, and else in a way that may pass; then nobody knows whether it has been written.
   */
  write(changes: readonly KeptChange[]): Promise<void>;
}

/** One value: it is held in memory by every node and goes through every disk. */
export const KEPT_VALUE_BYTES_MAX = 2 ** 20;
/** Values and keys of one write: it is one entry of a log, which takes 4 MiB with all that belongs to it. */
export const KEPT_WRITE_BYTES_MAX = 3 * 2 ** 20;
/** Changes of one write: everybody stands still while they are made. */
export const KEPT_WRITE_CHANGES_MAX = 1_000;

/** The code of a refusal that is final: somebody else leads now. */
export const DEPOSED = "master.deposed";

export function isDeposed(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.code === DEPOSED;
}

/** And the write that was refused by it has changed nothing, and never will. */
export function isUntouched(thrown: unknown): boolean {
  return isDeposed(thrown) && (thrown as Failure).data?.isUntouched === true;
}

/** The same state seen from below this prefix: who gets it can reach nothing else. */
export function keptUnder(kept: KeptState, prefix: string): KeptState {
  return {
    get: (key) => kept.get(prefix + key),
    list: (more) => kept.list(prefix + more).map(({ key, value }) => ({ key: key.slice(prefix.length), value })),
    write: (changes) => kept.write(changes.map((change) => ({ ...change, key: prefix + change.key }))),
  };
}

/** A name as one part of a key, whatever it holds. */
export function keyPart(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

export function nameOf(part: string): string {
  return decodeURIComponent(part);
}

/** Plain data as a value. */
export function encodeKept(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** What `encodeKept` was given; who reads it looks at its form. */
export function decodeKept(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
