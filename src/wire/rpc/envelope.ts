/**
 * A call's body is the input itself, or the envelope of JSON RPC: `{"method": M, "params": {…}, "id": …}` with the method that the
 * path names. Then the answer is `{"id", "result"}`. Params and id are cut out of the bytes as they are; nothing is parsed.
 */
import type { Member, ScannedJson } from "./json-scan.ts";

export interface Body {
  /** The JSON text of the input. */
  readonly params: Uint8Array;
  /** The JSON text of the envelope's id, `null` where it has none; undefined when there is no envelope. */
  readonly id: Uint8Array | undefined;
}

const NULL = Buffer.from("null");
const [BEFORE_ID, BEFORE_RESULT, END] = [Buffer.from('{"id":'), Buffer.from(',"result":'), Buffer.from("}")];

export function openEnvelope(bytes: Uint8Array, { members }: ScannedJson, method: string): Body {
  const plain = { params: bytes, id: undefined };
  if (members === undefined || members.length < 2 || !members.every(couldBeOfAnEnvelope)) return plain;
  const keyed = new Map(members.map((member) => [textOf(bytes, member.keyStart, member.keyEnd), member])); // the last counts
  const [named, params, id] = [keyed.get("method"), keyed.get("params"), keyed.get("id")];
  const known = [named, params, id, keyed.get("jsonrpc")].filter((member) => member !== undefined).length;
  if (!named || !params || known < keyed.size) return plain;
  if (textOf(bytes, named.start, named.end) !== JSON.stringify(method)) return plain;
  return { params: cut(bytes, params), id: id ? cut(bytes, id) : NULL };
}

/** The answer's bytes, in an envelope when the question came in one. */
export function closeEnvelope(result: Uint8Array, id: Uint8Array | undefined): Uint8Array {
  return id === undefined ? result : Buffer.concat([BEFORE_ID, id, BEFORE_RESULT, result, END]);
}

/** By the length of its key: most inputs are known to be plain without making a text of anything. */
function couldBeOfAnEnvelope({ keyStart, keyEnd }: Member): boolean {
  const length = keyEnd - keyStart;
  return length === "id".length || length === "method".length || length === "jsonrpc".length;
}

function cut(bytes: Uint8Array, { start, end }: Member): Uint8Array {
  return bytes.subarray(start, end);
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
