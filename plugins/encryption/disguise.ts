/**
 * The modes that cannot be undone. A token stands for a value: the same value of the same field always has the same token, so
 * joins and counts still work; without the key nobody can make or check one. A mask shows the ends of a text at most.
 */
import type { Batch, Value } from "distributed-system";
import { writeValues } from "../common/columns.ts";
import { framed } from "./cipher.ts";
import type { Work } from "./crypt.ts";
import type { Keys } from "./keys.ts";
import { jsonBytes } from "./values.ts";

const TOKEN_BYTES = 16; // two of 2^48 values share a token with a chance of 2^-33
const HIDDEN_LENGTH = 8; // arrays and objects become so many mask characters: their length says too much

/** Fields with one `domain` share tokens for equal values; without it each field has tokens of its own. */
export function tokens(fields: readonly string[], keys: Keys, domain: string | undefined): Work {
  const hashers = fields.map((field) => ({
    field,
    hasher: new Bun.CryptoHasher("sha256", keys.token).update(
      domain === undefined
        ? framed(Buffer.from("field"), Buffer.from(field))
        : framed(Buffer.from("domain"), Buffer.from(domain)),
    ),
  }));
  return {
    apply(batch) {
      for (const { field, hasher } of hashers) {
        rewrite(batch, field, (column, row) => {
          const bytes = jsonBytes(column, row);
          if (bytes === undefined || column.get(row) === null) return undefined;
          return `tok_${hasher.copy().update(bytes).digest().subarray(0, TOKEN_BYTES).toString("base64url")}`;
        });
      }
    },
  };
}

export interface MaskOptions {
  readonly keepFirst: number;
  readonly keepLast: number;
  readonly char: string;
}

export function masks(fields: readonly string[], options: MaskOptions): Work {
  return {
    apply(batch) {
      for (const field of fields) rewrite(batch, field, (column, row) => maskValue(column.get(row), options));
    },
  };
}

type Rewrite = (column: NonNullable<ReturnType<Batch["column"]>>, row: number) => string | undefined;

/** Missing fields and nulls stay what they are: that there is no value is no secret in these modes. */
function rewrite(batch: Batch, field: string, change: Rewrite): void {
  const column = batch.column(field);
  if (column === undefined) return;
  const values: (Value | undefined)[] = new Array(batch.length);
  for (let row = 0; row < values.length; row++) {
    values[row] = change(column, row) ?? (column.get(row) === null ? null : undefined);
  }
  writeValues(batch, field, values);
}

export function maskValue(value: Value | undefined, options: MaskOptions): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object") return options.char.repeat(HIDDEN_LENGTH);
  return maskText(String(value), options);
}

/** Whole characters, never half of a surrogate pair. At most half of a text is shown, the end first: short ones are secrets too. */
export function maskText(text: string, { keepFirst, keepLast, char }: MaskOptions): string {
  const characters = hasPairs(text) ? [...text] : text;
  const { length } = characters;
  const shown = Math.floor(length / 2);
  const last = Math.min(keepLast, shown);
  const first = Math.min(keepFirst, shown - last);
  return join(characters.slice(0, first)) + char.repeat(length - first - last) + join(characters.slice(length - last));
}

/** Most texts have none and need not be taken apart. */
function hasPairs(text: string): boolean {
  for (let at = 0; at < text.length; at++)
    if (text.charCodeAt(at) >= 0xd800 && text.charCodeAt(at) <= 0xdfff) return true;
  return false;
}

function join(characters: string | readonly string[]): string {
  return typeof characters === "string" ? characters : characters.join("");
}
