/**
 * Takes requests: judges each by its headers before a byte of its body is read, brings the body into bounds and form, and
 * answers 202 when its records are durable in the spool. A key that was seen before gets the answer of that time.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Clock } from "../../../../base/clock.ts";
import { Failure, toFailure } from "../../../../base/errors.ts";
import type { PostAnswer, Posted } from "../source.ts";
import { failureAnswer, type Receipt, receiptAnswer, send } from "./answer.ts";
import { type Body, Budget, busy, readBody, tooLarge } from "./body.ts";
import { type BodyFormat, CONTENT_TYPES, formatOf, type Records, recordsOf } from "./records.ts";
import type { HttpSettings } from "./settings.ts";
import type { Spool } from "./spool.ts";
import type { Keyed } from "./spool-frame.ts";

export type IntakeSettings = Pick<HttpSettings, "path" | "spoolBytes" | "bodyBytes" | "requestsMax" | "token">;

/** All bodies together: a few of the largest, and never so little that small ones wait for each other. */
const BODIES_OF_LARGEST = 4;
const BODIES_BYTES_MIN = 64 * 1024 * 1024;
/** A longer one is no key but data. */
const KEY_CHARS_MAX = 255;

interface Wanted {
  readonly format: BodyFormat;
  readonly gzipped: boolean;
  readonly key: string | undefined;
  readonly traceparent?: string | undefined;
}

/** What the headers say of a body. */
interface Told extends Pick<Posted, "contentEncoding" | "contentType" | "key"> {
  readonly bytes: number;
}

interface Taken {
  readonly receipt: Receipt;
  readonly isRepeated: boolean;
}

export class Intake {
  readonly #settings: IntakeSettings;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #budget: Budget;
  readonly #tokenDigest: Buffer | undefined;
  /** Requests with a key that are not answered yet: a second one of the same key waits for the first. */
  readonly #keysUnderWay = new Map<string, Promise<unknown>>();
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosing = false;

  constructor(settings: IntakeSettings, spool: Spool, clock: Clock) {
    this.#settings = settings;
    this.#spool = spool;
    this.#clock = clock;
    this.#budget = new Budget(Math.max(BODIES_BYTES_MIN, BODIES_OF_LARGEST * settings.bodyBytes));
    this.#tokenDigest = settings.token === undefined ? undefined : sha256(settings.token);
  }

  /** Never fails: what goes wrong is the answer. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    void this.#counted(this.#answer(request, response));
  }

  /** The same for what was not sent to the port; nobody's token is looked at. */
  post(posted: Posted): Promise<PostAnswer> {
    return this.#counted(this.#answerPosted(posted));
  }

  /** From now on requests get 503; resolves when those that had begun are answered. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#underWay);
  }

  #counted<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
    return work;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on("error", () => {}); // whoever reads the body is told
    response.on("error", () => {}); // the sender has gone: he will ask again
    try {
      const wanted = this.#judge(request);
      const { receipt, isRepeated } = await this.#take(await readBody(request, wanted.gzipped, this.#limits), wanted);
      send(response, receiptAnswer(receipt, isRepeated), true);
    } catch (thrown) {
      send(response, failureAnswer(toFailure(thrown, "source.http.defect")), request.complete);
    }
  }

  async #answerPosted(posted: Posted): Promise<PostAnswer> {
    try {
      this.#requireOpen();
      const { body } = posted;
      const wanted = this.#wanted({ ...posted, bytes: body.byteLength });
      const taken = await this.#bodyOf(body, wanted.gzipped);
      const { receipt, isRepeated } = await this.#take(taken, { ...wanted, traceparent: posted.traceparent });
      return receiptAnswer(receipt, isRepeated);
    } catch (thrown) {
      return failureAnswer(toFailure(thrown, "source.http.defect"));
    }
  }

  async #bodyOf(body: Uint8Array, gzipped: boolean): Promise<Body> {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    if (gzipped) return readBody(Readable.from([bytes]), true, this.#limits);
    if (!this.#budget.take(bytes.length)) throw busy();
    return { bytes, taken: bytes.length };
  }

  get #limits() {
    return { bodyBytes: this.#settings.bodyBytes, budget: this.#budget };
  }

  /** All that the headers tell. */
  #judge(request: IncomingMessage): Wanted {
    const { headers, method, url = "" } = request;
    const { path } = this.#settings;
    this.#requireOpen();
    const asked = url.replace(/\?.*$/s, "");
    if (asked !== path) {
      const message = `there is nothing at ${JSON.stringify(asked.slice(0, 200))}; records are posted to ${path}`;
      throw new Failure("source.http.unknown_path", message);
    }
    if (method !== "POST") throw new Failure("source.http.wrong_verb", `${method} ${path}: POST is required`);
    this.#authenticate(request);
    const key = headers["idempotency-key"];
    return this.#wanted({
      contentType: headers["content-type"],
      contentEncoding: headers["content-encoding"],
      key: Array.isArray(key) ? key.join(", ") : key,
      bytes: Number(headers["content-length"] ?? 0),
    });
  }

  #requireOpen(): void {
    if (this.#isClosing) throw closing();
  }

  #wanted({ bytes, contentEncoding, contentType: type, key: given }: Told): Wanted {
    const { bodyBytes, requestsMax } = this.#settings;
    const format = formatOf(type);
    if (format === undefined) throw unknownType("content-type", type, `${CONTENT_TYPES.join(", ")}, in UTF-8`);
    const coding = contentEncoding?.trim().toLowerCase() ?? "identity";
    if (coding !== "identity" && coding !== "gzip") throw unknownType("content-encoding", coding, "gzip, or none,");
    if (bytes > bodyBytes) throw tooLarge(bodyBytes);
    const key = keyOf(given);
    if (this.#underWay.size >= requestsMax) throw busy();
    if (key === undefined || !this.#spool.keys.get(key)) this.#requireRoom(1);
    return { format, gzipped: coding === "gzip", key };
  }

  /** A web page may send plain text anywhere without asking first; it cannot send a token, nor hide where it comes from. */
  #authenticate({ headers }: IncomingMessage): void {
    if (this.#tokenDigest === undefined) {
      if (headers.origin === undefined) return;
      throw new Failure("source.http.foreign_page", "requests of web pages are taken with a token only (token_env)");
    }
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1] ?? "";
    if (timingSafeEqual(sha256(given), this.#tokenDigest)) return;
    throw new Failure("source.http.unauthenticated", "the right bearer token is required (authorization: Bearer …)");
  }

  #requireRoom(bytes: number): void {
    const { spoolBytes } = this.#settings;
    if (this.#spool.backlogBytes + bytes <= spoolBytes) return;
    const message = `${this.#spool.backlogBytes} bytes wait for the pipeline, ${spoolBytes} may (spool_bytes); try again later`;
    throw new Failure("source.http.full", message, { retryable: true });
  }

  async #take({ bytes, taken }: Body, { format, key, traceparent }: Wanted): Promise<Taken> {
    try {
      if (key === undefined) return await this.#add(recordsOf(bytes, format), undefined, traceparent);
      const keyed = { key, body: sha256(bytes).toString("hex") };
      return await this.#once(keyed, async () => this.#add(recordsOf(bytes, format), keyed, traceparent));
    } finally {
      this.#budget.give(taken);
    }
  }

  /** What a request with this key was answered before; while one is under way the next waits for it. */
  async #once({ key, body }: Keyed, add: () => Promise<Taken>): Promise<Taken> {
    for (let first = this.#keysUnderWay.get(key); first; first = this.#keysUnderWay.get(key)) {
      await first.catch(() => {}); // its own sender is told; this one tries in its place
    }
    const known = this.#spool.keys.get(key);
    if (known?.body === body) {
      return { receipt: { accepted: true, records: known.records, position: known.position }, isRepeated: true };
    }
    if (known)
      throw new Failure("source.http.key_reused", "this Idempotency-Key came with another body; a new one is required");
    const adding = add(); // from the look above to the next line nothing else can run
    this.#keysUnderWay.set(key, adding);
    try {
      return await adding;
    } finally {
      this.#keysUnderWay.delete(key);
    }
  }

  async #add({ lines, count }: Records, keyed: Keyed | undefined, traceparent: string | undefined): Promise<Taken> {
    this.#requireRoom(lines.length);
    const timeMs = this.#clock.now();
    const position = await this.#spool.append({ payload: lines, records: count, timeMs, keyed, traceparent });
    return { receipt: { accepted: true, records: count, position }, isRepeated: false };
  }
}

/** It is not open yet, or not any more. */
export function closing(): Failure {
  return new Failure("source.http.closing", "the pipeline takes no records at the moment", { retryable: true });
}

/** Its digest: keys of one length, whatever they hold. */
function keyOf(key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  if (key !== "" && key.length <= KEY_CHARS_MAX) return sha256(key).toString("hex");
  throw new Failure(
    "source.http.bad_key",
    `the Idempotency-Key has ${key.length} characters; 1 to ${KEY_CHARS_MAX} are required`,
  );
}

function unknownType(header: string, found: string | undefined, required: string): Failure {
  const shown = found === undefined ? "missing" : JSON.stringify(found.slice(0, 100));
  return new Failure("source.http.content_type", `${header} is ${shown}; ${required} is required`);
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}
