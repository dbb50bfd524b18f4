/**
 * A request's body into memory, within bounds: of each body, as sent and as inflated, and of all bodies together. No sender
 * decides how much memory is spent.
 */
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Failure, messageOf } from "../../../../base/errors.ts";

/** What all bodies under way may take together. */
export class Budget {
  readonly #max: number;
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.#max) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }

  get used(): number {
    return this.#used;
  }
}

export interface BodyLimits {
  readonly bodyBytes: number;
  readonly budget: Budget;
}

export interface Body {
  readonly bytes: Buffer;
  /** To be given back to the budget when the bytes are not needed any more. */
  readonly taken: number;
}

/**
 * Fails with `source.http.too_large` (as sent or as inflated), `source.http.busy` (all together), `source.http.encoding` (no
 * gzip) and `source.http.cut_off` (it does not come to its end); nothing stays taken then.
 */
export async function readBody(request: Readable, gzipped: boolean, limits: BodyLimits): Promise<Body> {
  let taken = 0;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of gzipped ? inflated(request, limits.bodyBytes) : whole(request)) {
      if (taken + chunk.length > limits.bodyBytes) throw tooLarge(limits.bodyBytes, gzipped ? "inflated" : undefined);
      if (!limits.budget.take(chunk.length)) throw busy();
      taken += chunk.length;
      chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks, taken), taken };
  } catch (thrown) {
    limits.budget.give(taken);
    throw thrown;
  }
}

export function tooLarge(bodyBytes: number, state?: "inflated"): Failure {
  const what = state === undefined ? "the body" : `the ${state} body`;
  const message = `${what} is larger than ${bodyBytes} bytes, the most that is taken (max_body); send it in parts`;
  return new Failure("source.http.too_large", message);
}

export function busy(): Failure {
  return new Failure("source.http.busy", "too many requests are under way; try again later", { retryable: true });
}

async function* whole(request: Readable): AsyncGenerator<Buffer> {
  try {
    // Leaving early must not end the connection: the sender is to be told why.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer; // no encoding is set
  } catch (thrown) {
    throw cutOff(thrown);
  }
}

/** Compressed bytes are counted too: gzip can also make things larger. */
async function* inflated(request: Readable, bodyBytes: number): AsyncGenerator<Buffer> {
  const inflate = createGunzip();
  let failure: Failure | undefined;
  const feed = async (): Promise<void> => {
    let sent = 0;
    for await (const chunk of whole(request)) {
      sent += chunk.length;
      if (sent > bodyBytes) throw tooLarge(bodyBytes);
      if (inflate.destroyed) return;
      if (!inflate.write(chunk))
        await new Promise<void>((resolve) => inflate.once("drain", resolve).once("close", resolve));
    }
    inflate.end();
  };
  const feeding = feed().catch((thrown: Failure) => {
    failure = thrown;
    inflate.destroy(thrown);
  });
  try {
    for await (const chunk of inflate) yield chunk as Buffer;
  } catch (thrown) {
    throw (
      failure ?? new Failure("source.http.encoding", `the body is no gzip: ${messageOf(thrown)}`, { cause: thrown })
    );
  } finally {
    inflate.destroy();
    await Promise.race([feeding, Promise.resolve()]);
  }
}

function cutOff(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  return new Failure("source.http.cut_off", `the body did not come to its end: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}
