/** Requests to a listener on this host that may be anybody: nothing of the surroundings comes in, and it cannot flood us. */
import { NO_PROXY } from "../../base/no-proxy.ts";
import { PMD_HOST } from "./limits.ts";

/** What there is beside the path. */
export interface LocalRequest extends RequestInit {
  readonly port: number;
}

/** No connection is kept that would hold up the other side's end, no proxy is asked, nothing is unpacked. */
export function localFetch(path: string, { port, ...init }: LocalRequest): Promise<Response> {
  const url = `http://${PMD_HOST}:${port}${path}`;
  return fetch(url, { ...init, keepalive: false, redirect: "error", decompress: false, ...NO_PROXY });
}

/** The whole body, which fails beyond the bound. */
export async function boundedText(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > bytesMax) throw new Error(`more than ${bytesMax} bytes are answered`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
