/**
 * Who listens on a port mapper's port when it is none of ours? Erlang's epmd is recognised by its own NAMES request: a
 * length of one, the letter n; the answer is its port in four bytes and a line per node (Erlang distribution protocol,
 * "Register a Node in the EPMD"). Whatever else answers is somebody else.
 */
import type { Clock } from "../../base/clock.ts";
import { PMD_HOST, PROBE_BYTES_MAX, PROBE_TIMEOUT_MS } from "./limits.ts";

export type Listener =
  | { readonly kind: "none" }
  | { readonly kind: "epmd"; readonly names: readonly string[] }
  | { readonly kind: "other" };

const NAMES_REQUEST = Buffer.from([0, 1, "n".charCodeAt(0)]);
const PORT_BYTES = 4;
const NAME_LINE = /^name (\S{1,255}) at port \d{1,5}$/;

/** Never fails; takes `timeoutMs` at most. */
export async function probeEpmd(port: number, clock: Clock, timeoutMs = PROBE_TIMEOUT_MS): Promise<Listener> {
  const end = Promise.withResolvers<void>();
  const timer = clock.after(timeoutMs, end.resolve);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const socket = await Bun.connect({
      hostname: PMD_HOST,
      port,
      socket: {
        data: (_, chunk) => {
          size += chunk.length;
          if (size > PROBE_BYTES_MAX) return end.resolve();
          chunks.push(Uint8Array.from(chunk)); // the buffer is used again
        },
        close: () => end.resolve(),
        error: () => end.resolve(),
      },
    });
    socket.write(NAMES_REQUEST);
    await end.promise;
    socket.terminate();
  } catch {
    return { kind: "none" }; // nobody takes connections there
  } finally {
    timer.cancel();
  }
  return readNames(Buffer.concat(chunks), port);
}

/** What the answer to NAMES says of who gave it. */
export function readNames(answer: Uint8Array, port: number): Listener {
  const bytes = Buffer.from(answer);
  if (bytes.length < PORT_BYTES || bytes.readUInt32BE(0) !== port) return { kind: "other" };
  const lines = bytes
    .subarray(PORT_BYTES)
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "");
  const names = lines.map((line) => NAME_LINE.exec(line)?.[1]);
  return names.every((name) => name !== undefined) ? { kind: "epmd", names } : { kind: "other" };
}
