/** The modes encrypt and decrypt over batches. Any JSON value is encrypted as its text, so its type comes back. */
import type { Batch, Value } from "distributed-system";
import { writeValues } from "../common/columns.ts";
import { show } from "../common/items.ts";
import { parseJson } from "../common/json.ts";
import { FieldCipher, parseEncrypted } from "./cipher.ts";
import type { Keys } from "./keys.ts";
import { jsonBytes } from "./values.ts";

export interface Work {
  apply(batch: Batch): void;
}

const ENCODER = new TextEncoder();

/** `positionField` names a field that tells records apart; without it the whole record's text does. */
export function encryption(fields: readonly string[], keys: Keys, positionField: string | undefined): Work {
  const ciphers = fields.map((field) => ({ field, cipher: new FieldCipher(keys, field) }));
  return {
    apply(batch) {
      if (fields.every((field) => batch.column(field) === undefined)) return;
      const positions = readPositions(batch, positionField); // before any field changes
      for (const { field, cipher } of ciphers) encryptField(batch, field, cipher, positions);
    },
  };
}

function readPositions(batch: Batch, field: string | undefined): (Uint8Array | undefined)[] {
  const positions: (Uint8Array | undefined)[] = new Array(batch.length).fill(undefined);
  const column = field === undefined ? undefined : batch.column(field);
  for (let row = 0; row < batch.length; row++) {
    if (!batch.isLive(row)) continue;
    if (field === undefined) positions[row] = ENCODER.encode(batch.json(row));
    else positions[row] = (column && jsonBytes(column, row))?.slice(); // the column's own bytes may be replaced below
    if (positions[row] === undefined)
      batch.reject(row, `${field}: missing; position_field tells records apart and is required`);
  }
  return positions;
}

function encryptField(
  batch: Batch,
  field: string,
  cipher: FieldCipher,
  positions: readonly (Uint8Array | undefined)[],
): void {
  const column = batch.column(field);
  if (column === undefined) return;
  const values: (string | undefined)[] = new Array(batch.length);
  for (let row = 0; row < values.length; row++) {
    const position = positions[row];
    const plaintext = position && jsonBytes(column, row);
    values[row] = plaintext && cipher.encrypt(plaintext, position);
  }
  writeValues(batch, field, values);
}

/** The first key is the current one; the others have ids of values encrypted earlier. */
export function decryption(fields: readonly string[], keys: readonly Keys[]): Work {
  const ciphers = fields.map((field) => ({
    field,
    byKey: new Map(keys.map((each) => [each.id, new FieldCipher(each, field)])),
  }));
  return {
    apply(batch) {
      for (const { field, byKey } of ciphers) decryptField(batch, field, byKey);
    },
  };
}

function decryptField(batch: Batch, field: string, byKey: ReadonlyMap<string, FieldCipher>): void {
  const column = batch.column(field);
  if (column === undefined) return;
  const values: (Value | undefined)[] = new Array(batch.length);
  for (let row = 0; row < values.length; row++) {
    const value = batch.isLive(row) ? column.get(row) : undefined;
    if (value === undefined) continue;
    const result = decryptValue(value, byKey);
    if ("reason" in result) batch.reject(row, `${field}: ${result.reason}`);
    else values[row] = result.value;
  }
  writeValues(batch, field, values);
}

function decryptValue(value: Value, byKey: ReadonlyMap<string, FieldCipher>): { value: Value } | { reason: string } {
  const parts = typeof value === "string" ? parseEncrypted(value) : undefined;
  if (parts === undefined) return { reason: `${show(value)} is not encrypted; enc:v1:… is required` };
  const cipher = byKey.get(parts.keyId);
  if (cipher === undefined)
    return { reason: `encrypted with key ${parts.keyId}; this stage has ${[...byKey.keys()].join(", ")}` };
  try {
    return { value: parseJson(cipher.decrypt(parts.payload)) };
  } catch {
    // the library's message says less than this, and nothing else can go wrong here
    return {
      reason: "does not decrypt: it was changed, or encrypted for another field or with another key of the same id",
    };
  }
}
