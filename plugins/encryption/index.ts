/**
 * encryption: hides fields. encrypt and decrypt with AES-256-GCM, tokenize (the same value, the same token, no way back), mask
 * (only the last characters stay). The key comes from a file or the environment; there is no default key.
 */
import { definePlugin, type ParamValues, param } from "distributed-system";
import { Faults } from "../common/faults.ts";
import { decryption, encryption, type Work } from "./crypt.ts";
import { masks, tokens } from "./disguise.ts";
import { checkKeyId, deriveKeys, type Keys, readKeyFile, readKeyVariable } from "./keys.ts";

const KEEP_MAX = 1000; // characters; more is no mask

const params = {
  mode: param.choice("what happens to the fields", ["encrypt", "decrypt", "tokenize", "mask"], { required: true }),
  fields: param.list("the fields: a;b", { required: true }),
  key_file: param.path("file with the key: 32 random bytes, raw or in hex or base64, mode 0600"),
  key_env: param.string("environment variable with the key in hex or base64"),
  key_id: param.string("name of the key in encrypted values; the key's fingerprint when left out"),
  old_key_files: param.paths("decrypt: files of keys used earlier, found by their fingerprints", { default: [] }),
  position_field: param.string(
    "encrypt: a field unlike in each record (an id); when left out the whole record's text is used",
  ),
  token_domain: param.string("tokenize: fields of one domain share tokens; when left out each field has its own"),
  keep_first: param.integer("mask: characters left at the start", { default: 0, min: 0, max: KEEP_MAX }),
  keep_last: param.integer("mask: characters left at the end; never more than half of the text stays", {
    default: 4,
    min: 0,
    max: KEEP_MAX,
  }),
  mask_char: param.string("mask: the character written instead", { default: "*" }),
};

type Values = ParamValues<typeof params>;

let work: Work | undefined;

export default definePlugin({
  info: {
    name: "encryption",
    version: "1.0.0",
    description: "Encrypts, decrypts, tokenizes or masks fields of records",
  },
  params,
  check(values) {
    const faults = new Faults();
    makeWork(values, faults);
    return faults.list;
  },
  init(context) {
    const faults = new Faults();
    work = makeWork(context.params, faults);
    faults.throwFirst();
  },
  processBatch(batch) {
    work!.apply(batch);
  },
  cleanup() {
    work = undefined;
  },
});

/** Undefined when there are faults. */
function makeWork(values: Values, faults: Faults): Work | undefined {
  const { mode, fields } = values;
  if (fields.length === 0) faults.add("fields", "is empty; at least one field is required");
  if (mode === "mask") return makeMasks(values, faults);
  const keys = readKeys(values, faults);
  const older = mode === "decrypt" ? readOldKeys(values.old_key_files, faults) : [];
  if (keys === undefined) return undefined;
  if (mode === "encrypt") return encryption(fields, keys, values.position_field);
  if (mode === "tokenize") return tokens(fields, keys, values.token_domain);
  return decryption(fields, [keys, ...older]);
}

function makeMasks(values: Values, faults: Faults): Work {
  if ([...values.mask_char].length !== 1) faults.add("mask_char", `"${values.mask_char}" is not one character`);
  return masks(values.fields, { keepFirst: values.keep_first, keepLast: values.keep_last, char: values.mask_char });
}

function readKeys({ key_file: file, key_env: variable, key_id: id, mode }: Values, faults: Faults): Keys | undefined {
  if (id !== undefined) faults.attempt("key_id", () => checkKeyId(id));
  if (file === undefined && variable === undefined) {
    const make = "openssl rand -hex 32 > FILE; chmod 600 FILE";
    faults.add("mode", `${mode} needs a key; set key_file (make one: ${make}) or key_env`);
  }
  if (file !== undefined && variable !== undefined)
    faults.add("key_env", "is set, and so is key_file; only one of them is allowed");
  const fromFile = file === undefined ? undefined : faults.attempt("key_file", () => readKeyFile(file));
  const fromVariable = variable === undefined ? undefined : faults.attempt("key_env", () => readKeyVariable(variable));
  const secret = fromFile ?? fromVariable;
  return secret === undefined || faults.list.length > 0 ? undefined : deriveKeys(secret, id);
}

function readOldKeys(files: readonly string[], faults: Faults): Keys[] {
  return files.flatMap((path) => faults.attempt("old_key_files", () => deriveKeys(readKeyFile(path), undefined)) ?? []);
}
