/** Reads an HTTP body up to a limit, as bytes or UTF-8: no sender decides how much memory we spend. */
import { Failure } from "../../base/errors.ts";

export interface BodyLimit {
  readonly bytesMax: number;
  /** For messages: "the input", "the answer". */
  readonly what: string;
  readonly signal?: AbortSignal;
}

/** Fails with `rpc.too_large`, with `rpc.bad_request` when it is no UTF-8, and with the signal's reason. */
export async function readText(source: Request | Response, limit: BodyLimit): Promise<string> {
  return decode(await readBytes(source, limit), limit.what);
}

/** Fails with `rpc.too_large`, and with the signal's reason. */
export async function readBytes(
  source: Request | Response,
  { bytesMax, what, signal }: BodyLimit,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new Failure("rpc.too_large", `${what} is larger than ${bytesMax} bytes, the most that is taken`);
  if (Number(source.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge();
  if (source.body === null) return new Uint8Array(0);
  const reader = source.body.getReader();
  const stop = (): void => void reader.cancel().catch(() => {}); // the read under way then ends
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      size += value.length;
      if (size > bytesMax) throw tooLarge();
      chunks.push(value);
    }
  } catch (thrown) {
    stop();
    throw thrown;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new Failure("rpc.bad_request", `${what} is no JSON: ${(thrown as Error).message}`, { cause: thrown });
  }
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (thrown) {
    throw new Failure("rpc.bad_request", `${what} is no UTF-8`, { cause: thrown });
  }
}
