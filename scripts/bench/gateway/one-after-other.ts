/**
 * Questions of several kinds, asked in turn over connections that stay open: what disturbs the machine meets all of them, and what one kind
 * takes more than another is theirs. Between two of them is a pause, in which everybody falls asleep, as at a moderate load.
 */

import { join } from "node:path";
import type { Socket } from "bun";
import { pause, systemClock } from "../../../src/base/clock.ts";

export interface Asked {
  readonly label: string;
  /** Resolves when the answer is there. */
  ask(): Promise<void>;
  close(): void;
}

export interface Turns {
  /** Of each kind, what counts. */
  readonly times: number;
  /** Before these, back to back and not counted: connections, code that is not compiled yet. */
  readonly warmUp: number;
  readonly pauseMs: number;
}

/** Milliseconds of each question, by kind. */
export async function inTurn(kinds: readonly Asked[], { pauseMs, times, warmUp }: Turns): Promise<readonly number[][]> {
  const took: number[][] = kinds.map(() => []);
  for (let time = -warmUp; time < times; time++) {
    for (const [at, kind] of kinds.entries()) {
      const fromMs = systemClock.monotonic();
      await kind.ask();
      if (time < 0) continue;
      took[at]!.push(systemClock.monotonic() - fromMs);
      if (pauseMs > 0) await pause(systemClock, pauseMs);
    }
  }
  for (const kind of kinds) kind.close();
  return took;
}

/** A GET on a connection of its own; another status than 200 fails. */
export async function getOf(label: string, port: number, path: string): Promise<Asked> {
  const bytes = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n\r\n`);
  const talk = new Talk(bytes, (answer) => answer.toString("latin1", 0, 12) === "HTTP/1.1 200");
  await Bun.connect({ hostname: "127.0.0.1", port, socket: talk.handlers });
  return { label, ask: () => talk.ask(), close: () => talk.close() };
}

/** The bare way to another process and back, by a socket like the one between a gateway and its hosts of rules. */
export async function hopOf(label: string): Promise<Asked> {
  const argv = [process.execPath, join(import.meta.dir, "peers", "hop.ts")];
  const child = Bun.spawn(argv, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const talk = new Talk(Buffer.alloc(QUESTION_BYTES, 65), () => true);
  const options: unknown = { fd: child.stdio[3], socket: talk.handlers }; // the types know host and unix only
  await Bun.connect(options as Parameters<typeof Bun.connect>[0]);
  const close = (): void => {
    talk.close();
    child.kill();
  };
  return { label, ask: () => talk.ask(), close };
}

/** About what a request with a few headers has. */
const QUESTION_BYTES = 300;

class Talk {
  readonly #bytes: Uint8Array;
  readonly #isGood: (answer: Buffer) => boolean;
  #socket: Socket | undefined;
  #answered: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly handlers = {
    binaryType: "buffer" as const,
    open: (socket: Socket): void => {
      this.#socket = socket;
    },
    data: (_socket: Socket, answer: Buffer): void => {
      if (this.#isGood(answer)) this.#answered.resolve();
      else this.#answered.reject(new Error(answer.toString().split("\r\n")[0]));
    },
    close: (): void => this.#answered.reject(new Error("the connection was closed")),
  };

  constructor(bytes: Uint8Array, isGood: (answer: Buffer) => boolean) {
    this.#bytes = bytes;
    this.#isGood = isGood;
  }

  ask(): Promise<void> {
    this.#answered = Promise.withResolvers();
    this.#socket?.write(this.#bytes);
    return this.#answered.promise;
  }

  close(): void {
    this.#answered.promise.catch(() => {}); // nobody waits any more
    this.#socket?.end();
  }
}
