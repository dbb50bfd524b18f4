/**
 * JSON Schema 2020-12 on whole records, compiled once by Ajv. The record is parsed from its own JSON text, so the schema sees
 * what stands in the file (integers beyond 2^53 as the nearest double, which is what the dialect's numbers are to Ajv).
 * Refuses a schema that does not compile, and references to other files: one file says it all.
 */
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { messageOf } from "../common/faults.ts";
import { readFile } from "../common/files.ts";
import { show } from "../common/items.ts";
import type { Rule } from "./rules.ts";

/** Schemas that people write have kilobytes; compiling more than this costs seconds in each lane. */
const SCHEMA_BYTES_MAX = 4 * 2 ** 20;

/** The rule for the schema file; Ajv is loaded only when it is needed, it costs tens of milliseconds. */
export async function schemaRule(path: string): Promise<Rule> {
  const validate = await compileSchema(path, readSchema(path));
  return {
    check(batch, reasons) {
      for (let row = 0; row < batch.length; row++) {
        if (!batch.isLive(row) || validate(JSON.parse(batch.json(row)))) continue;
        for (const error of validate.errors ?? []) reasons.add(row, describe(error));
      }
    },
  };
}

function readSchema(path: string): object {
  const text = new TextDecoder().decode(readFile("schema", path, SCHEMA_BYTES_MAX));
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw new Error(`schema ${path} is no JSON: ${messageOf(error)}`);
  }
  if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) return schema;
  throw new Error(`schema ${path} holds ${show(schema)}; a JSON object is required`);
}

async function compileSchema(path: string, schema: object): Promise<ValidateFunction> {
  const [{ Ajv2020 }, formats] = await Promise.all([import("ajv/dist/2020.js"), import("ajv-formats")]);
  // strict finds misspelt keywords; its style rules (strictTypes and the like) would refuse schemas that are right
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    strictTuples: false,
  });
  formats.default.default(ajv);
  try {
    return ajv.compile(schema);
  } catch (error) {
    throw new Error(`schema ${path} does not compile: ${messageOf(error)}`);
  }
}

/** `amount: -3 must be >= 0 (schema #/properties/amount/minimum)` */
function describe(error: ErrorObject): string {
  const field = error.instancePath === "" ? "record" : error.instancePath.slice(1);
  const extra = error.keyword === "additionalProperties" ? ` "${String(error.params.additionalProperty)}"` : "";
  return `${field}: ${error.message ?? error.keyword}${extra} (schema ${error.schemaPath})`;
}
