/**
 * The cache that nodes share, as the layer above it needs it. One session is one connection: what is asked on it is carried out in
 * that order, and once it has failed it is never used again. All that lies in there belongs to a *generation*: with another one
 * everything older is forgotten. Each operation names the generation that it believes in and does nothing in any other one.
 */

export interface SharedStore {
  /** For people: where it is, without credentials. */
  readonly name: string;
  /** `lost` is called once at most, when the connection is gone by itself. */
  open(lost: (reason: string) => void): Promise<SharedSession>;
}

/** What lies under a key, unchecked. */
export interface Looked {
  /** The generation that there is: when it is not the one asked for, nothing else is told. */
  readonly generation: string;
  /** Of each name, in the order asked for. A name without a version has got one now. */
  readonly versions: readonly string[];
  /** Left of the value's time; 0 or less when there is none. */
  readonly ttlMs: number;
  readonly bytes: Uint8Array | undefined;
}

export interface SharedSession {
  /** The generation; a new one, made with `fresh`, when there is none or it was made in an earlier life of the server. */
  adopt(fresh: string): Promise<string>;
  /** A new generation, whatever there was. */
  renew(fresh: string): Promise<string>;
  look(generation: string, key: string, names: readonly string[], fresh: string): Promise<Looked>;
  store(generation: string, key: string, bytes: Uint8Array, ttlMs: number, names: readonly string[]): Promise<void>;
  /** Gives each name another version, unless this id was applied before. Gives the generation that there is: done only in that asked for. */
  apply(generation: string, id: string, names: readonly string[], fresh: string): Promise<string>;
  close(): void;
}
