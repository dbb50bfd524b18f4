/** Key files of masks: 32 bytes, raw or in hex or base64, in a file that nobody but its owner can read. */
import { Failure, messageOf } from "../../base/errors.ts";
import { type MaskKeys, readMaskKey } from "../../edge/gateway/mask/index.ts";
import { readPrivateFile } from "../../wire/auth/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";

/** A key in hex with blanks around it has some 70 bytes; a file beyond this is something else. */
const KEY_FILE_BYTES_MAX = 4_096;

/** Fails with `gateway.mask_key`. */
export function readMaskKeyFile(path: string): MaskKeys {
  let content: Uint8Array;
  try {
    content = readPrivateFile(path, KEY_FILE_BYTES_MAX);
  } catch (thrown) {
    const message = `reading the key of a mask: ${messageOf(thrown)}`;
    throw new Failure("gateway.mask_key", message, { cause: thrown });
  }
  return readMaskKey(content, path, systemEntropy);
}
