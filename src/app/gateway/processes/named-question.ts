/** A question to a named target on its way from one process to another: its length, itself as JSON, and the body behind it. */
import { Failure, type FailureJson } from "../../../base/errors.ts";
import type { NamedRequest } from "../../../edge/gateway/upstream/index.ts";
import type { NamedTarget } from "../../../edge/gateway/words/index.ts";

export const LENGTH_BYTES = 4;
/** A head is far shorter; the gateway has bounded it before. */
export const QUESTION_BYTES_MAX = 1024 * 1024;
/** On a reply that is none: why. No target's reply goes on with it. */
export const FAILED_HEADER = "x-distributed-system-failed";

export interface NamedQuestion {
  readonly target: NamedTarget;
  readonly request: Omit<NamedRequest, "body">;
}

export interface NamedFailed {
  readonly failure: FailureJson;
  readonly isUnsent: boolean;
}

export function writeQuestion({ request, target }: NamedQuestion, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const { context, head, timeouts } = request;
  const text = Buffer.from(JSON.stringify({ target, request: { head, timeouts, context } }));
  const bytes = new Uint8Array(LENGTH_BYTES + text.byteLength + body.byteLength);
  new DataView(bytes.buffer).setUint32(0, text.byteLength);
  bytes.set(text, LENGTH_BYTES);
  bytes.set(body, LENGTH_BYTES + text.byteLength);
  return bytes;
}

/** Fails with `gateway.named_door`. */
export function readQuestion(bytes: Uint8Array): { readonly question: NamedQuestion; readonly body: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength < LENGTH_BYTES ? QUESTION_BYTES_MAX + 1 : view.getUint32(0);
  const end = LENGTH_BYTES + length;
  if (length > QUESTION_BYTES_MAX || end > bytes.byteLength) {
    const message = `reading a question of ${bytes.byteLength} bytes: its length, and as much as that says, is required`;
    throw new Failure("gateway.named_door", message);
  }
  const text = Buffer.from(bytes.subarray(LENGTH_BYTES, end)).toString();
  return { question: JSON.parse(text) as NamedQuestion, body: bytes.subarray(end) }; // this program wrote it
}
