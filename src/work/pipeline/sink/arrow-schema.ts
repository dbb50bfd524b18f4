/** The `schema=` of an Arrow sink: `name:type` pairs. A name may hold colons, a type does not. */
import { Failure } from "../../../base/errors.ts";
import type { ArrowField } from "../../../wire/batch/index.ts";

const TYPES = ["bool", "integer", "double", "string", "bytes", "timestamp", "json"] as const;

/** Throws `sink.param`. */
export function parseArrowSchema(pairs: readonly string[] | undefined): readonly ArrowField[] | undefined {
  if (pairs === undefined) return undefined;
  const fields = pairs.map(parseField);
  const names = new Set(fields.map((field) => field.name));
  if (fields.length > 0 && names.size === fields.length) return fields;
  throw new Failure("sink.param", `cannot open sink:arrow: schema=${pairs.join(";")}; fields are required, each once`);
}

function parseField(pair: string): ArrowField {
  const colon = pair.lastIndexOf(":");
  const type = TYPES.find((each) => each === pair.slice(colon + 1));
  if (colon > 0 && type !== undefined) return { name: pair.slice(0, colon), type };
  throw new Failure(
    "sink.param",
    `cannot open sink:arrow: schema has ${JSON.stringify(pair)}; name:type is required, with a type of ${TYPES.join(", ")}`,
  );
}
