/** What gateways tell each other about their limits: plain data, checked when it comes. */

/** Key, number, key, number, … */
export type SharedPairs = readonly (string | number)[];

export interface SharedMessage {
  /** When the sender started: what a former life of it says is over. */
  readonly life: number;
  /** Of this message to this receiver, from 1; 0: it says nothing but `heard`. */
  readonly number: number;
  /** The receiver's last message that was taken, and of which life. */
  readonly heard: { readonly life: number; readonly number: number };
  /** How many processes the sender speaks for, itself included; 1 when it does not say. */
  readonly voices?: number | undefined;
  /** By the name that a limit is counted under: tokens of each key that were taken since the message before. */
  readonly taken: Readonly<Record<string, SharedPairs>>;
  /** By the same, of concurrency: how many of each key are under way, of those that have to be told (0: none any more). */
  readonly held?: Readonly<Record<string, SharedPairs>> | undefined;
}

/** As many of each kind as one message may hold; a sender with more sends the rest in the next round. */
export const SHARED_KEYS_MAX = 2_000;
const KEY_CHARS_MAX = 256;
const COUNT_MAX = 1e9;
/** Far more processes than a cluster's gateways have; it bounds how far below nothing a bucket may go. */
const VOICES_MAX = 10_000;

/** Undefined: it is none. */
export function readSharedMessage(value: unknown): SharedMessage | undefined {
  if (!isRecord(value) || !isRecord(value.heard)) return undefined;
  const { heard, held = {}, life, number, taken, voices } = value;
  if (!isCount(life) || !isCount(number) || !isCount(heard.life) || !isCount(heard.number)) return undefined;
  if (voices !== undefined && !(isCount(voices) && voices >= 1 && voices <= VOICES_MAX)) return undefined;
  if (!areKeys(taken, 1) || !areKeys(held, 0)) return undefined;
  return value as unknown as SharedMessage; // as was just looked at
}

function areKeys(value: unknown, countMin: number): boolean {
  if (!isRecord(value)) return false;
  let keys = 0;
  for (const pairs of Object.values(value)) {
    if (!Array.isArray(pairs) || pairs.length % 2 !== 0) return false;
    keys += pairs.length / 2;
    if (keys > SHARED_KEYS_MAX || !arePairs(pairs, countMin)) return false;
  }
  return true;
}

function arePairs(pairs: readonly unknown[], countMin: number): boolean {
  for (let at = 0; at < pairs.length; at += 2) {
    const key = pairs[at];
    const count = pairs[at + 1];
    if (typeof key !== "string" || key.length > KEY_CHARS_MAX) return false;
    if (!isCount(count) || count < countMin || count > COUNT_MAX) return false;
  }
  return true;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
