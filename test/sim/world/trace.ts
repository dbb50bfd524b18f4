/**
 * What happened in a run, as a digest of 64 bits that every delivered event goes into (cheap, always on) and, when asked for,
 * as lines for people. Two runs of one seed are the same run when both agree. Not for secrets.
 */
export class Trace {
  readonly #print: ((line: string) => void) | undefined;
  #low = 0x811c9dc5 | 0;
  #high = 0x01000193 | 0;
  #count = 0;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  /** Whether lines are wanted; who builds one asks first. */
  get isVerbose(): boolean {
    return this.#print !== undefined;
  }

  get count(): number {
    return this.#count;
  }

  get digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  /** Takes in one event: world's time, what, who. `tag` is a number made of the content. */
  event(atMs: number, kind: number, to: number, from: number, tag: number): void {
    this.#count++;
    // Microseconds are what delays are told apart by; the upper bits are left to the order of events.
    this.number(atMs * 1000);
    this.number((kind << 24) ^ (to << 12) ^ from);
    this.number(tag);
  }

  number(value: number): void {
    this.#low = Math.imul(this.#low ^ (value | 0), 0x01000193);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul(this.#high ^ this.#low, 0x85ebca6b);
    this.#high ^= this.#high >>> 13;
  }

  text(text: string): void {
    this.number(textTag(text));
  }

  /** A line for people; it does not count for the digest. */
  line(atMs: number, text: string): void {
    this.#print?.(`${(atMs / 1000).toFixed(6).padStart(12)} ${text}`);
  }
}

/** FNV-1a over UTF-16 units. */
export function textTag(text: string): number {
  let tag = 0x811c9dc5 | 0;
  for (let at = 0; at < text.length; at++) tag = Math.imul(tag ^ text.charCodeAt(at), 0x01000193);
  return tag;
}
