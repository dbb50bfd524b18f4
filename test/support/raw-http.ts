/** HTTP as no client would send it: bytes written as they are, and the statuses of what comes back. */
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  /** Of each answer, in order. */
  readonly statuses: readonly number[];
  readonly text: string;
}

export interface RawRequest {
  /** Written one after the other, each when the one before has been taken. */
  readonly pieces: readonly (string | Uint8Array)[];
  /** Between pieces. */
  readonly pauseMs?: number;
  /** Says that nothing more will be written. */
  readonly ends?: boolean;
  /** So many answers are enough. */
  readonly answers?: number;
}

/** A node that is silent for longer has forgotten the connection. */
const SILENT_MS = 25_000;

/** Resolves when there are enough answers, or the other side has closed. */
export function sendRaw(
  address: string,
  { answers = 1, ends = false, pauseMs = 0, pieces }: RawRequest,
): Promise<RawAnswer> {
  const [host, port] = address.split(":") as [string, string];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    let text = "";
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ statuses: statusesOf(text), text });
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(
          `nothing was answered to ${JSON.stringify(String(pieces[0]).slice(0, 80))}; so far: ${statusesOf(text)}`,
        ),
      );
    }, SILENT_MS);
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (statusesOf(text).length >= answers) done();
    });
    socket.on("close", done);
    socket.on("error", done); // it was cut off: what was answered before counts
    socket.on("connect", () => {
      write(socket, pieces, pauseMs).then(() => ends && socket.end(), done);
    });
  });
}

async function write(socket: Socket, pieces: readonly (string | Uint8Array)[], pauseMs: number): Promise<void> {
  for (const [at, piece] of pieces.entries()) {
    if (at > 0 && pauseMs > 0) await Bun.sleep(pauseMs);
    if (socket.destroyed) return;
    if (!socket.write(piece))
      await new Promise<void>((resolve) => socket.once("drain", resolve).once("close", resolve));
  }
}

function statusesOf(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
