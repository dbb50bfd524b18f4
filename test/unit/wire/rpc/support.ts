/** A small service, a clock that moves when a test says so, and requests to put to them. */
import { z } from "zod";
import type { Clock, Timer } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import {
  type Caller,
  createClient,
  Dispatcher,
  type DispatcherOptions,
  defineContract,
  httpTransport,
  implement,
  serveContracts,
} from "../../../../src/wire/rpc/index.ts";

export class TimerClock implements Clock {
  #ms = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#ms;
  }
  monotonic(): number {
    return this.#ms;
  }
  get timers(): number {
    return this.#timers.length;
  }
  after(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#ms + delayMs, callback };
    this.#timers.push(timer);
    const cancel = (): void => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
    return { cancel };
  }
  advance(ms: number): void {
    this.#ms += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#ms);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#ms);
    for (const { callback } of due) callback();
  }
}

export const shop = defineContract({
  name: "shop",
  version: 3,
  about: "sells things",
  methods: {
    price: {
      about: "what a thing costs",
      input: z.strictObject({ thing: z.string().min(1), pieces: z.number().int().positive().default(1) }),
      output: z.object({ total: z.number(), note: z.string().optional() }),
      access: "read",
      idempotent: true,
    },
    buy: { about: "buy it", input: z.strictObject({ thing: z.string() }), output: z.object({}), access: "operate" },
    wait: { about: "never answers by itself", input: z.object({}), output: z.object({}), access: "read" },
    break: { about: "fails as told", input: z.object({ how: z.string() }), output: z.any(), access: "read" },
  },
});

export const OWNER: Caller = { name: "the owner", access: "operate" };
export const GUEST: Caller = { name: "a guest", access: "read" };

export interface Shop {
  readonly clock: TimerClock;
  readonly dispatcher: Dispatcher;
  readonly handle: (request: Request) => Promise<Response>;
  readonly client: ReturnType<typeof clientOf>;
  /** Signals of `wait` calls, in order. */
  readonly waiting: AbortSignal[];
  /** Ends the oldest waiting call. */
  finish(): void;
}

export function openShop(caller: Caller = OWNER, options: Partial<DispatcherOptions> = {}): Shop {
  const clock = new TimerClock();
  const waiting: AbortSignal[] = [];
  const ends: (() => void)[] = [];
  const service = implement(shop, {
    price: ({ thing, pieces }) => ({ total: thing.length * pieces }),
    buy: () => ({}),
    wait: (_, { signal }) => {
      waiting.push(signal);
      return new Promise((resolve) => ends.push(() => resolve({})));
    },
    break: ({ how }) => broken(how),
  });
  const dispatcher = new Dispatcher([service], { clock, ...options });
  const handle = serveContracts(dispatcher, { clock, authenticate: () => caller });
  const finish = (): void => ends.shift()?.();
  return { clock, dispatcher, handle, waiting, finish, client: clientOf(handle, clock) };
}

function clientOf(handle: (request: Request) => Promise<Response>, clock: Clock) {
  const send = (path: string, init: RequestInit) => handle(new Request(`http://localhost${path}`, init));
  return createClient(shop, httpTransport(send, "the test"), { clock });
}

function broken(how: string): unknown {
  if (how === "failure") throw new Failure("shop.closed", "closed on Sundays", { data: { day: 7 }, retryable: true });
  if (how === "not found") throw new Failure("shop.not_found", "no such thing");
  if (how === "strange data") throw new Failure("shop.strange", "strange", { data: { big: 1n } });
  if (how === "bug") throw new TypeError("undefined is not a shop");
  if (how === "unwritable") return { big: 1n };
  if (how === "huge") return "x".repeat(16 * 1024 * 1024);
  return undefined;
}

export function post(
  path: string,
  body: NonNullable<RequestInit["body"]>,
  headers: Readonly<Record<string, string>> = {},
): Request {
  const all = { "content-type": "application/json", ...headers };
  return new Request(`http://localhost${path}`, { method: "POST", headers: all, body });
}

/** Settled promises have told whoever waited for them. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}
