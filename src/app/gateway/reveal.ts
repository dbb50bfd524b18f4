/**
 * `gateway reveal`: a filter from what a gateway has encrypted to what it was. Line by line, so that a log can be followed; a document of many
 * lines is held until it is whole, for the place of a value in it is the name that it was encrypted for.
 */
import { Failure } from "../../base/errors.ts";
import { encryptedNames, type MaskKeys, type Revealed, Revealer } from "../../edge/gateway/mask/index.ts";
import { loadPlan } from "./load-plan.ts";
import { readMaskKeyFile } from "./mask-key.ts";

/** A longer document is looked at line by line. */
const DOCUMENT_CHARS_MAX = 16 * 1024 * 1024;
const LINE_CHARS_MAX = 64 * 1024 * 1024;
/** What patterns call the values that they find. */
const PATTERN_NAMES = ["card", "email", "iban", "token"];

export interface RevealChoices {
  /** Key files, beside those of the gateway file. */
  readonly keys: readonly string[];
  /** Names of fields that are tried first. */
  readonly fields: readonly string[];
  /** Gateway file, whose masks name keys and fields. */
  readonly config?: string | undefined;
}

/** Fails with `usage.reveal` without a key, with `gateway.mask_key`, and with what is wrong with the gateway file. */
export async function openRevealer({ config, fields, keys }: RevealChoices): Promise<Revealer> {
  const masks = config === undefined ? [] : (await loadPlan(config)).masks;
  const encrypting = masks.filter(({ action }) => action === "encrypt");
  const files = new Set([...keys, ...encrypting.flatMap(({ keyFile }) => keyFile ?? [])]);
  if (files.size === 0) {
    const where = config === undefined ? "neither --key nor --config is given" : `no mask of ${config} encrypts`;
    throw new Failure("usage.reveal", `${where}; --key FILE, the key of the masks, is required`);
  }
  const read: MaskKeys[] = [...files].map(readMaskKeyFile);
  return new Revealer(read, [...fields, ...encryptedNames(encrypting), ...PATTERN_NAMES]);
}

export interface RevealPorts {
  /** Bytes, whole lines but for the last one. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** What could not be decrypted, and why. `line` from 1; of a document the one that it begins on. */
  readonly hidden: (line: number, what: string) => void;
}

/** Gives how many values were decrypted, and how many were not. Fails with `gateway.reveal` at a line that is too long. */
export async function revealStream(
  input: AsyncIterable<Uint8Array>,
  revealer: Pick<Revealer, "reveal">,
  { hidden, write }: RevealPorts,
): Promise<{ readonly revealed: number; readonly hidden: number }> {
  const counts = { revealed: 0, hidden: 0 };
  let line = 1;
  const put = async (lines: readonly string[]): Promise<void> => {
    const texts = lines.map((text) => {
      const done: Revealed = revealer.reveal(text);
      counts.revealed += done.count;
      counts.hidden += done.hidden.length;
      for (const what of done.hidden) hidden(line, what);
      line++;
      return done.text;
    });
    if (texts.length > 0) await write(Buffer.from(texts.join(""), "latin1"));
  };
  let held = "";
  let isDocument: boolean | undefined;
  for await (const chunk of input) {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    const lineEnd = piece.lastIndexOf("\n");
    const end = lineEnd < 0 ? 0 : held.length + lineEnd + 1;
    held += piece;
    if (end === 0) {
      if (held.length > LINE_CHARS_MAX) throw tooLong(line);
      continue;
    }
    isDocument ??= beginsDocument(held);
    if (isDocument && held.length <= DOCUMENT_CHARS_MAX) continue;
    isDocument = false;
    await put(linesOf(held.slice(0, end)));
    held = held.slice(end);
  }
  await put(isDocument && isJson(held) ? [held] : linesOf(held));
  return counts;
}

function tooLong(line: number): Failure {
  const message = `line ${line} has more than ${LINE_CHARS_MAX} bytes; shorter lines are required`;
  return new Failure("gateway.reveal", message);
}

/** Its first line is the beginning of JSON, and no more. */
function beginsDocument(text: string): boolean {
  const first = text.slice(0, text.indexOf("\n"));
  return /^\s*[{[]/.test(first) && !isJson(first);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** With their ends. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
