/**
 * Raw frames: source bytes that nobody has parsed yet, with what is needed to parse them. The source reads a file straight
 * into shared memory behind a reserve of fixed size; sealing puts the header into the reserve, and no byte moves.
 */
import { Failure } from "../../base/errors.ts";
import { FRAME_BYTES, openFrame, refuse, sealFrame } from "./frame.ts";

/** Reserve in front of the payload: fits the header names of a CSV file with hundreds of columns. */
export const RAW_HEADER_BYTES = 16 * 1024;

export interface RawMeta {
  readonly id: string;
  readonly timeMs: number;
  /** Number of the first line, from 1. */
  readonly line: number;
  /** What the bytes are, as plain JSON; the readers of formats know. */
  readonly format: unknown;
}

export interface RawFrame {
  readonly meta: RawMeta;
  readonly payload: Uint8Array;
}

/** Turns target[RAW_HEADER_BYTES ..] with `payloadBytes` of payload into a frame. Returns the frame's length. */
export function sealRaw(target: Uint8Array, meta: RawMeta, payloadBytes: number): number {
  const { id, timeMs, line, format } = meta;
  const header = Buffer.from(JSON.stringify({ id, timeMs, line, format }));
  if (FRAME_BYTES + header.length > RAW_HEADER_BYTES) {
    throw new Failure(
      "batch.raw.header_too_large",
      `sealing raw bytes: a header of ${header.length} bytes; at most ${RAW_HEADER_BYTES - FRAME_BYTES} fit`,
    );
  }
  const size = RAW_HEADER_BYTES + payloadBytes;
  if (size > target.length) {
    throw new Failure("batch.target_too_small", `sealing raw bytes: ${size} bytes into a target of ${target.length}`);
  }
  sealFrame(target, "raw", header, RAW_HEADER_BYTES, size);
  return size;
}

/** The source bytes in place and what was said about them. */
export function readRaw(bytes: Uint8Array): RawFrame {
  const frame = openFrame(bytes, "raw");
  if (frame.bytes.length < RAW_HEADER_BYTES) refuse("bad_header", "a raw frame shorter than its reserve");
  const { id, timeMs, line, format } = frame.header;
  if (typeof id !== "string" || typeof timeMs !== "number" || typeof line !== "number") {
    refuse("bad_header", "a raw frame without id, timeMs or line");
  }
  return { meta: { id, timeMs, line, format }, payload: frame.bytes.subarray(RAW_HEADER_BYTES) };
}
