/**
 * The keys a cluster goes by: one, or two while a key is being replaced. The first signs and seals, both are believed. A
 * keyring never changes; each step of a rotation gives a new one, and whoever uses it is handed that (`rotate`).
 */
import { Failure } from "../../base/errors.ts";
import { ClusterKey } from "./cluster-key.ts";
import type { Entropy } from "./entropy.ts";
import { KEYS_MAX } from "./limits.ts";

export class Keyring {
  readonly keys: readonly ClusterKey[];

  /** Fails with `auth.keyring`: one key or two of different ids are required. */
  constructor(keys: readonly ClusterKey[]) {
    if (keys.length === 0 || keys.length > KEYS_MAX) {
      throw new Failure("auth.keyring", `${keys.length} cluster keys were given; one or ${KEYS_MAX} are required`);
    }
    if (new Set(keys.map(({ id }) => id)).size < keys.length) {
      throw new Failure("auth.keyring", `two cluster keys have the id ${keys[0]!.id}; different ones are required`);
    }
    this.keys = [...keys];
  }

  static generate(entropy: Entropy): Keyring {
    return new Keyring([ClusterKey.generate(entropy)]);
  }

  /** The one that signs. */
  get first(): ClusterKey {
    return this.keys[0]!;
  }

  find(id: string): ClusterKey | undefined {
    return this.keys.find((key) => key.id === id);
  }

  /** With the key as the second: it is believed, and signs nothing yet. */
  add(key: ClusterKey): Keyring {
    if (this.keys.length === KEYS_MAX) {
      const ids = this.keys.map(({ id }) => id).join(" and ");
      const message = `there are ${KEYS_MAX} cluster keys already, ${ids}; one has to be removed before another is added`;
      throw new Failure("auth.keyring_full", message);
    }
    return new Keyring([...this.keys, key]);
  }

  /** With that key first. */
  use(id: string): Keyring {
    const wanted = this.#require(id);
    return new Keyring([wanted, ...this.keys.filter((key) => key !== wanted)]);
  }

  /** Without it. The one that signs is not taken away: nodes that have this keyring would stop being believed. */
  remove(id: string): Keyring {
    const unwanted = this.#require(id);
    if (unwanted === this.first) {
      const message = `the cluster key ${id} is the one that signs; another one has to be used before it is removed`;
      throw new Failure("auth.key_in_use", message);
    }
    return new Keyring(this.keys.filter((key) => key !== unwanted));
  }

  /** The same keys in the same order. */
  sameAs(other: Keyring): boolean {
    if (this.keys.length !== other.keys.length) return false;
    return this.keys.every((key, at) => key.sameAs(other.keys[at]!));
  }

  #require(id: string): ClusterKey {
    const found = this.find(id);
    if (found) return found;
    const ids = this.keys.map((key) => key.id).join(" and ");
    throw new Failure("auth.key_unknown", `there is no cluster key ${JSON.stringify(id)}; there are ${ids}`);
  }
}
