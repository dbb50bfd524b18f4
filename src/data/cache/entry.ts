/**
 * What is kept of a load: its bytes, or the failure that said that there is nothing. In Redis it is one text of bytes with the stamp that
 * tells whether it still holds: the versions that its key and tags had before the load began. Whatever does not read is not there.
 */
import { Failure, type FailureJson } from "../../base/errors.ts";

export interface Entry {
  readonly tags: readonly string[];
  /** The value, or the JSON of a failure. */
  readonly bytes: Uint8Array;
  readonly isNegative: boolean;
  /** How long the load took: the longer, the earlier it is refreshed. */
  readonly loadMs: number;
  /** On the monotonic clock. */
  readonly endsMs: number;
}

/** Whom the load asked was not there: that says nothing about what it would have answered. */
const NOBODY_THERE = "service.not_found";

/** A failure that says that there is nothing, and that can be believed for a while. */
export function isNegative(thrown: unknown): thrown is Failure {
  return thrown instanceof Failure && thrown.code !== NOBODY_THERE && /(^|[._])not_found$/.test(thrown.code);
}

export function failureBytes(failure: Failure): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(failure));
}

/** Gives the value, throws the failure. */
export function answerOf({ bytes, isNegative }: Pick<Entry, "bytes" | "isNegative">): Uint8Array {
  if (!isNegative) return bytes;
  throw Failure.fromJSON(JSON.parse(new TextDecoder().decode(bytes)) as FailureJson); // written by failureBytes
}

export type StoredEntry = Pick<Entry, "bytes" | "isNegative" | "loadMs">;

/** Another layout takes another number: nodes of both do not read each other's then. */
const LAYOUT = 1;
const HEAD_BYTES = 8;

/** Layout, kind, length of the stamp (16 bits), milliseconds of the load (32 bits), the stamp, the bytes. Little endian. */
export function encodeEntry({ bytes, isNegative, loadMs }: StoredEntry, stamp: string): Uint8Array {
  const stampBytes = new TextEncoder().encode(stamp);
  const whole = new Uint8Array(HEAD_BYTES + stampBytes.length + bytes.length);
  const view = new DataView(whole.buffer);
  view.setUint8(0, LAYOUT);
  view.setUint8(1, isNegative ? 1 : 0);
  view.setUint16(2, stampBytes.length, true);
  view.setUint32(4, Math.min(loadMs, 0xffff_ffff), true);
  whole.set(stampBytes, HEAD_BYTES);
  whole.set(bytes, HEAD_BYTES + stampBytes.length);
  return whole;
}

/** Undefined when it has another stamp or another layout. */
export function decodeEntry(whole: Uint8Array, stamp: string): StoredEntry | undefined {
  if (whole.length < HEAD_BYTES) return undefined;
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const kind = view.getUint8(1);
  if (view.getUint8(0) !== LAYOUT || kind > 1) return undefined;
  const start = HEAD_BYTES + view.getUint16(2, true);
  if (start > whole.length || new TextDecoder().decode(whole.subarray(HEAD_BYTES, start)) !== stamp) return undefined;
  const bytes = new Uint8Array(whole.subarray(start)); // a copy: the stamp is not kept with it
  if (kind === 1 && !isFailureText(bytes)) return undefined;
  return { bytes, isNegative: kind === 1, loadMs: view.getUint32(4, true) };
}

function isFailureText(bytes: Uint8Array): boolean {
  try {
    const { code, message } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<FailureJson>; // checked here
    return typeof code === "string" && typeof message === "string";
  } catch {
    return false; // not ours, so not there
  }
}
