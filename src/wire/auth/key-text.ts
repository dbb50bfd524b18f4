/**
 * The text of a key file: a line with the form's name and version, then a line per key with its id and its 32 bytes in
 * base64url. The id follows from the key, so a mistyped or cut key is noticed. No message ever shows a key.
 */
import { Failure } from "../../base/errors.ts";
import { ClusterKey } from "./cluster-key.ts";
import { Keyring } from "./keyring.ts";
import { KEY_FILE_BYTES_MAX, KEYS_MAX } from "./limits.ts";

const FORM = "distributed_system-keys";
const VERSION = "1";
const COMMENT = [
  "# Whoever has these keys can join the cluster and command it: keep the file to its owner (chmod 600).",
  "# The first key signs, both are believed. `distributed_system key --help` says how to replace a key.",
];

export function formatKeyring(keyring: Keyring): string {
  const keys = keyring.keys.map((key) => `key ${key.id} ${Buffer.from(key.reveal()).toString("base64url")}`);
  return `${[...COMMENT, `${FORM} ${VERSION}`, ...keys].join("\n")}\n`;
}

/** Fails with `auth.key_file`, naming `source` and the line. */
export function parseKeyring(text: string, source: string): Keyring {
  const fault = (line: number, message: string): Failure =>
    new Failure("auth.key_file", `${source}:${line}: ${message}`, { data: { line } });
  if (text.length > KEY_FILE_BYTES_MAX) {
    throw fault(1, `the key file has ${text.length} bytes; at most ${KEY_FILE_BYTES_MAX} are allowed`);
  }
  const lines = text.split("\n").map((line, index) => ({ number: index + 1, words: line.trim().split(/\s+/) }));
  const [head, ...rest] = lines.filter(({ words }) => words[0] !== "" && !words[0]!.startsWith("#"));
  if (head?.words[0] !== FORM)
    throw fault(head?.number ?? 1, `is no key file; the line "${FORM} ${VERSION}" is required`);
  if (head.words[1] !== VERSION || head.words.length > 2) {
    throw fault(head.number, `is a key file of another version; version ${VERSION} is required`);
  }
  const keys: ClusterKey[] = [];
  for (const { number, words } of rest) {
    const key = keyOf(words);
    if (typeof key === "string") throw fault(number, key);
    if (keys.length === KEYS_MAX) throw fault(number, `holds a key too many; at most ${KEYS_MAX} are allowed`);
    if (keys.some(({ id }) => id === key.id)) throw fault(number, `holds the key ${key.id} again`);
    keys.push(key);
  }
  if (keys.length === 0) throw fault(head.number, "holds no key; one or two are required");
  return new Keyring(keys);
}

/** The key, or what is wrong with its line. */
function keyOf(words: readonly string[]): ClusterKey | string {
  const [word, id = "", encoded = "", ...more] = words;
  if (word !== "key" || more.length > 0 || encoded === "") return 'is no key; "key ID BASE64URL" is required';
  if (!/^[A-Za-z0-9_-]{43}$/.test(encoded)) return "holds a damaged key; 43 characters of base64url are required";
  const bytes = Buffer.from(encoded, "base64url");
  if (bytes.toString("base64url") !== encoded) return "holds a damaged key; 43 characters of base64url are required";
  if (bytes.every((byte) => byte === bytes[0])) return "holds the same byte 32 times; 32 random bytes are required";
  const key = new ClusterKey(bytes);
  return key.id === id ? key : "holds a damaged key: its id does not belong to it";
}
