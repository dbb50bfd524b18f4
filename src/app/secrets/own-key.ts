/**
 * The cluster key that makes itself: on loopback, in the user's state directory, by whichever process needs it first. Two
 * that start at once end up with the same one: only one file can come to be, and both read that.
 */
import { dirname } from "node:path";
import { type Entropy, formatKeyring, Keyring, readKeyFile } from "../../wire/auth/index.ts";
import { createPrivate, makeDirectory } from "./private-write.ts";

/** Reads the key file, or makes it. Fails as `readKeyFile` does when there is one that cannot be used. */
export function ownKeyring(keyFile: string, entropy: Entropy): Keyring {
  return readIfThere(keyFile) ?? makeKeyFile(keyFile, entropy);
}

/** Undefined when there is no such file. */
export function readIfThere(keyFile: string): Keyring | undefined {
  try {
    return readKeyFile(keyFile);
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

/** Makes it, unless another process has in the meantime; gives what is there then. */
export function makeKeyFile(keyFile: string, entropy: Entropy): Keyring {
  makeDirectory(dirname(keyFile));
  createPrivate(keyFile, formatKeyring(Keyring.generate(entropy)));
  return readKeyFile(keyFile);
}

function isMissing(thrown: unknown): boolean {
  return (thrown as { code?: unknown }).code === "auth.key_file.not_found"; // a Failure; whatever else is thrown on
}
