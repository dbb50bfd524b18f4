/**
 * Replacing a cluster key while the cluster runs, one step at a time: a second key that everybody believes, then that one
 * signs, then the old one goes. Between two steps every node has to have the file. One change of a file at a time.
 */
import { statSync } from "node:fs";
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

/** A directory made by `init`, a key file, or nothing for the user's state directory. */
export function keyFileAt(place: string | undefined): string {
  if (place === undefined) return layoutOf(stateDirectory(undefined)).keyFile;
  return statSync(place, { throwIfNoEntry: false })?.isDirectory() ? layoutOf(place).keyFile : place;
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

function listing(file: string, { keys }: Keyring): KeyListing {
  return {
    file,
    keys: keys.map(({ id }, at) => ({ id, does: at === 0 ? "signs and is believed" : "is believed" })),
  };
}
