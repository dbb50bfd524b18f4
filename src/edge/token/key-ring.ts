/**
 * The keys of one place: the first signs, those before it are believed until the last token that they signed has ended. A
 * ring never changes: `rotate` and `forgetOlder` give another one. Its text is what lies in the key file.
 */
import { Failure } from "../../base/errors.ts";
import type { Entropy } from "../../wire/auth/index.ts";
import { KEYS_MAX, KEYS_TEXT_BYTES_MAX } from "./limits.ts";
import { type PublicJwk, SigningKey } from "./signing-key.ts";

export interface KeptKey {
  readonly key: SigningKey;
  readonly createdMs: number;
  /** Not believed after that; undefined for the one that signs. */
  readonly retiresMs: number | undefined;
}

const FORM = "distributed_system-api-keys";
const VERSION = 1;
const SEED = /^[\w-]{43}$/;

export class ApiKeyRing {
  readonly keys: readonly KeptKey[];

  constructor(keys: readonly KeptKey[]) {
    this.keys = keys;
  }

  static generate(entropy: Entropy, nowMs: number): ApiKeyRing {
    return new ApiKeyRing([{ key: SigningKey.generate(entropy), createdMs: nowMs, retiresMs: undefined }]);
  }

  /** The one that signs. */
  get first(): SigningKey {
    return this.keys[0]!.key; // there is one at least
  }

  /** Undefined also for one that has retired. */
  find(id: string, nowMs: number): KeptKey | undefined {
    return this.#believed(nowMs).find(({ key }) => key.id === id);
  }

  /** What others need to verify. */
  publicKeys(nowMs: number): readonly PublicJwk[] {
    return this.#believed(nowMs).map(({ key }) => key.publicJwk);
  }

  /** With a new one that signs; the one before it is believed until `retiresMs`. Fails with `auth.keyring_full`. */
  rotate(key: SigningKey, nowMs: number, retiresMs: number): ApiKeyRing {
    const [before, ...older] = this.#believed(nowMs);
    if (older.length + 2 > KEYS_MAX) {
      const message = `there are ${older.length + 1} API keys whose tokens have not ended; at most ${KEYS_MAX} are kept. Forget the older ones, which ends their tokens, or wait`;
      throw new Failure("auth.keyring_full", message);
    }
    const retiring = before && retiresMs > nowMs ? [{ ...before, retiresMs }] : [];
    return new ApiKeyRing([{ key, createdMs: nowMs, retiresMs: undefined }, ...retiring, ...older]);
  }

  /** Without those that sign no more: their tokens end with them. */
  forgetOlder(): ApiKeyRing {
    return new ApiKeyRing(this.keys.slice(0, 1));
  }

  sameAs(other: ApiKeyRing): boolean {
    const text = ({ keys }: ApiKeyRing): string => keys.map(({ key, retiresMs }) => `${key.id} ${retiresMs}`).join();
    return text(this) === text(other);
  }

  toJSON(): unknown {
    return this.keys.map(({ key, ...times }) => ({ id: key.id, ...times }));
  }

  #believed(nowMs: number): readonly KeptKey[] {
    return this.keys.filter(({ retiresMs = Number.POSITIVE_INFINITY }) => retiresMs > nowMs);
  }
}

export function formatKeyRing({ keys }: ApiKeyRing): string {
  const listed = keys.map(({ key, createdMs, retiresMs }) => ({
    kid: key.id,
    created: new Date(createdMs).toISOString(),
    ...(retiresMs !== undefined && { retires: new Date(retiresMs).toISOString() }),
    d: key.reveal().d,
  }));
  const about = "Whoever has these keys can sign API tokens of any role: keep the file to its owner (chmod 600).";
  return `${JSON.stringify({ form: FORM, version: VERSION, about, keys: listed }, null, 2)}\n`;
}

/** Fails with `auth.key_file`, naming `source`; no message shows a key. */
export function parseKeyRing(text: string, source: string): ApiKeyRing {
  const fault = (what: string): Failure => new Failure("auth.key_file", `${source} ${what}`);
  if (text.length > KEYS_TEXT_BYTES_MAX)
    throw fault(`has ${text.length} characters; ${KEYS_TEXT_BYTES_MAX} are allowed`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault("is no JSON, or not whole; a copy of it, or its removal (which ends all tokens under it) is required"); // the parser's words would show what it stumbled over
  }
  const { form, version, keys } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (form !== FORM || version !== VERSION)
    throw fault(`is no file of API keys; form ${FORM}, version ${VERSION} is required`);
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > KEYS_MAX) {
    throw fault(`holds ${Array.isArray(keys) ? keys.length : "no"} keys; 1 to ${KEYS_MAX} are required`);
  }
  const read = keys.map((each, at) => keptKeyOf(each, at) ?? fault(`holds a damaged key as number ${at + 1}`));
  const broken = read.find((each) => each instanceof Failure);
  if (broken) throw broken;
  const kept = read as readonly KeptKey[]; // none is a Failure
  if (new Set(kept.map(({ key }) => key.id)).size < kept.length) throw fault("holds a key twice");
  return new ApiKeyRing(kept);
}

function keptKeyOf(value: unknown, at: number): KeptKey | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kid, created, retires, d } = value as Readonly<Record<string, unknown>>;
  if (typeof d !== "string" || !SEED.test(d) || Buffer.from(d, "base64url").toString("base64url") !== d)
    return undefined;
  const createdMs = timeOf(created);
  const retiresMs = timeOf(retires);
  if (createdMs === undefined || (retiresMs === undefined) !== (at === 0)) return undefined;
  try {
    const key = new SigningKey(Buffer.from(d, "base64url"));
    return key.id === kid ? { key, createdMs, retiresMs } : undefined;
  } catch {
    return undefined; // all bytes the same: told as a damaged key
  }
}

function timeOf(value: unknown): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
