/**
 * Where the children report. Each one that dials in is asked at once, so "serving again" is the moment at which the answer
 * of a new process arrives; nobody polls, so waiting costs the machine nothing.
 */
import { rmSync } from "node:fs";
import type { Socket } from "bun";
import { type Clock, systemClock } from "../../../../src/base/clock.ts";

export interface Served {
  readonly name: string;
  readonly pid: number;
  readonly atMs: number;
}

interface Caller {
  name: string;
  pid: number;
  served: boolean;
}

type Listener = () => boolean;

export class Hub implements Disposable {
  readonly path: string;
  readonly #clock: Clock;
  readonly #callers = new Set<Caller>();
  readonly #latest = new Map<string, Served>();
  readonly #listeners = new Set<Listener>();
  readonly #server: { stop(closeAll: boolean): void };

  constructor(path: string, clock: Clock = systemClock) {
    this.path = path;
    this.#clock = clock;
    rmSync(path, { force: true });
    this.#server = Bun.listen<Caller>({
      unix: path,
      socket: {
        open(socket) {
          socket.data = { name: "", pid: 0, served: false };
        },
        data: (socket, bytes) => this.#heard(socket, bytes.toString("utf8")),
        close: ({ data }) => this.#left(data),
        error: ({ data }) => this.#left(data),
      },
    });
  }

  /** Pids of all that are connected and have answered. */
  serving(): Map<string, number> {
    return new Map([...this.#callers].filter(({ served }) => served).map(({ name, pid }) => [name, pid]));
  }

  /** When a process of this name other than `before` has answered. Rejects after `timeoutMs`. */
  async successor(name: string, before: number, timeoutMs: number): Promise<Served> {
    const found = (): Served | undefined => {
      const latest = this.#latest.get(name);
      return latest && latest.pid !== before ? latest : undefined;
    };
    await this.until(`${name} serves again`, () => found() !== undefined, timeoutMs);
    return found()!;
  }

  /** Resolves as soon as what is connected makes the condition true. Rejects after `timeoutMs`. */
  until(what: string, condition: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (condition()) return resolve();
      const timer = this.#clock.after(timeoutMs, () => {
        this.#listeners.delete(look);
        reject(new Error(`${what}: not within ${timeoutMs} ms`));
      });
      const look = (): boolean => {
        if (!condition()) return false;
        timer.cancel();
        resolve();
        return true;
      };
      this.#listeners.add(look);
    });
  }

  [Symbol.dispose](): void {
    this.#server.stop(true);
    rmSync(this.path, { force: true });
  }

  #heard(socket: Socket<Caller>, text: string): void {
    const caller = socket.data;
    for (const line of text.trimEnd().split("\n")) {
      const hello = /^hello (\S+) (\d+)$/.exec(line);
      if (hello) {
        [caller.name, caller.pid] = [hello[1]!, Number(hello[2])];
        this.#callers.add(caller);
        socket.write("ask\n");
      } else if (line === "answer") {
        caller.served = true;
        this.#latest.set(caller.name, { name: caller.name, pid: caller.pid, atMs: this.#clock.monotonic() });
      }
    }
    this.#changed();
  }

  #left(caller: Caller): void {
    this.#callers.delete(caller);
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) if (listener()) this.#listeners.delete(listener);
  }
}
