/** Ids of lines: as options of other lines, logs and metrics name them. */
import { type LineContext, MAX_NAME_LENGTH, quoted } from "../../../work/lines/index.ts";

const ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

export function readId(text: string, at: number, context: LineContext): string {
  if (ID.test(text) && text.length <= MAX_NAME_LENGTH) return text;
  const message = text === "" ? "the line has no id" : `${quoted(text)} is not an id`;
  context.fault(at, { code: "bad_id", message, allowed: `letters, digits, _ . or -, at most ${MAX_NAME_LENGTH}` });
  return text;
}
