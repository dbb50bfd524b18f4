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

const KEYS: ReadonlySet<string> = new Set(["method", "params", "id", "jsonrpc"]);
const NULL = Buffer.from("null");
const [BEFORE_ID, BEFORE_RESULT, END] = [Buffer.from('{"id":'), Buffer.from(',"result":'), Buffer.from("}")];

export function openEnvelope(bytes: Uint8Array, { members }: ScannedJson, method: string): Body {
  const plain = { params: bytes, id: undefined };
  if (!members?.every(({ key }) => KEYS.has(key))) return plain;
  const named = find(members, "method");
  const params = find(members, "params");
  if (!named || !params || textOf(bytes, named) !== JSON.stringify(method)) return plain;
  const id = find(members, "id");
  return { params: cut(bytes, params), id: id ? cut(bytes, id) : NULL };
}

/** The answer's bytes, in an envelope when the question came in one. */
export function closeEnvelope(result: Uint8Array, id: Uint8Array | undefined): Uint8Array {
  return id === undefined ? result : Buffer.concat([BEFORE_ID, id, BEFORE_RESULT, result, END]);
}

/** The last one counts, as for parsers. */
function find(members: readonly Member[], key: string): Member | undefined {
  return members.findLast((member) => member.key === key);
}

function cut(bytes: Uint8Array, { start, end }: Member): Uint8Array {
  return bytes.subarray(start, end);
}

function textOf(bytes: Uint8Array, { start, end }: Member): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
