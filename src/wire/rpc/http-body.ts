/** The bytes of a request's body: bounded in size and in time, and looked over before anybody parses them. */
import type { Clock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { readBytes } from "./body.ts";
import { BODY_TIMEOUT_MS } from "./limits.ts";

export interface BodyLimits {
  readonly clock: Clock;
  readonly bytesMax: number;
}

const WHAT = "the input";
const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** Fails with `rpc.too_large` before it reads when the length is told, and with `rpc.body_timeout`. */
export async function readBody(request: Request, { clock, bytesMax }: BodyLimits): Promise<Uint8Array> {
  const told = request.headers.get("content-length");
  if (told !== null && Number(told) > bytesMax) throw tooLarge(bytesMax);
  if (told !== null) return toldBytes(request, { clock, bytesMax }); // its stream is not even made
  if (request.body === null) return new Uint8Array(0);
  const end = new AbortController();
  const timer = clock.after(BODY_TIMEOUT_MS, () => end.abort(late()));
  try {
    return await readBytes(request, { bytesMax, what: WHAT, signal: end.signal });
  } finally {
    timer.cancel();
  }
}

/** The server below holds a body to the length that was told, so it can be read in one go: twice as fast as by chunks. */
async function toldBytes(request: Request, { clock, bytesMax }: BodyLimits): Promise<Uint8Array> {
  const bytes = await new Promise<Uint8Array>((resolve, reject) => {
    const timer = clock.after(BODY_TIMEOUT_MS, () => reject(late()));
    const done = (read: Uint8Array): void => {
      timer.cancel();
      resolve(read);
    };
    request.bytes().then(done, (thrown) => {
      timer.cancel();
      reject(new Failure("rpc.bad_request", `${WHAT} broke off: ${messageOf(thrown)}`, { cause: thrown }));
    });
  });
  if (bytes.length > bytesMax) throw tooLarge(bytesMax);
  return bytes;
}

function late(): Failure {
  return new Failure("rpc.body_timeout", `${WHAT} did not arrive within ${BODY_TIMEOUT_MS} ms`);
}

function tooLarge(bytesMax: number): Failure {
  return new Failure("rpc.too_large", `${WHAT} is larger than ${bytesMax} bytes, the most that is taken`);
}

/** Where nothing else tells a call of a program from one of a foreign web page: a page cannot send this type unasked. */
export function requireJsonType({ headers }: Request): void {
  const type = headers.get("content-type") ?? "nothing";
  if (JSON_TYPE.test(type)) return;
  throw new Failure("rpc.content_type", `${WHAT} is ${type.slice(0, 100)}; application/json in UTF-8 is required`);
}

/** Inflated, a small body could be any size. */
export function requireUncompressed({ headers }: Request): void {
  const coding = headers.get("content-encoding");
  if (coding === null || coding === "identity") return;
  throw new Failure("rpc.content_type", `${WHAT} is compressed as ${coding.slice(0, 100)}; plain bytes are required`);
}
