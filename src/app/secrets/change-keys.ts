/**
 * Replacing a cluster key while the cluster runs, one step at a time: a second key that everybody believes, then that one
 * signs, then the old one goes. Between two steps every node has to have the file. One change of a file at a time.
 */
import { existsSync, statSync } from "node:fs";
import { ClusterKey, formatKeyring, type Keyring, readKeyFile } from "../../wire/auth/index.ts";
import { stateDirectory } from "../self.ts";
import { systemEntropy } from "./entropy.ts";
import { layoutOf } from "./layout.ts";
import { replacePrivate } from "./private-write.ts";
import { whileLocked } from "./secrets-lock.ts";

export interface KeyListing {
  readonly file: string;
  readonly keys: readonly { readonly id: string; readonly does: "signs and is believed" | "is believed" }[];
}

const KEY_ID = /^[0-9a-f]{8}$/;

export interface KeyPlace {
  /** A directory made by `init`, or a key file. */
  readonly place?: string | undefined;
  /** Without it: the directory that nodes are started with, if any. */
  readonly secrets?: string | undefined;
  /** Without either: the state directory, by default the user's. */
  readonly dataDir?: string | undefined;
}

/** The key file that nodes go by which are started with the same choices. */
export function keyFileAt({ place, secrets, dataDir }: KeyPlace): string {
  if (place === undefined) return layoutOf(secrets ?? stateDirectory(dataDir)).keyFile;
  return isDirectory(place) ? layoutOf(place).keyFile : place;
}

/** Of `key use ID`: one word alone is the key meant, when it looks like an id and no file is called so. */
export function keyChoice(words: KeyPlace & { readonly id?: string | undefined }): {
  readonly file: string;
  readonly id: string | undefined;
} {
  const { place, id, ...flags } = words;
  const isIdAlone = id === undefined && place !== undefined && KEY_ID.test(place) && !existsSync(place);
  return isIdAlone ? { file: keyFileAt(flags), id: place } : { file: keyFileAt(words), id };
}

export function listKeys(file: string): KeyListing {
  return listing(file, readKeyFile(file));
}

/** Fails with `auth.keyring_full` when there are two already. */
export function addKey(file: string): Promise<KeyListing> {
  return change(file, (keyring) => keyring.add(ClusterKey.generate(systemEntropy)));
}

/** Without an id: the second one. */
export function useKey(file: string, id?: string): Promise<KeyListing> {
  return change(file, (keyring) => keyring.use(id ?? keyring.keys.at(-1)!.id));
}

/** Without an id: the second one. */
export function removeKey(file: string, id?: string): Promise<KeyListing> {
  return change(file, (keyring) => keyring.remove(id ?? keyring.keys.at(-1)!.id));
}

function change(file: string, step: (keyring: Keyring) => Keyring): Promise<KeyListing> {
  return whileLocked(file, () => {
    const keyring = readKeyFile(file);
    const changed = step(keyring);
    if (!changed.sameAs(keyring)) replacePrivate(file, formatKeyring(changed));
    return listing(file, changed);
  });
}

/** What cannot be looked at is no directory; reading it says why. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function listing(file: string, { keys }: Keyring): KeyListing {
  return {
    file,
    keys: keys.map(({ id }, at) => ({ id, does: at === 0 ? "signs and is believed" : "is believed" })),
  };
}
