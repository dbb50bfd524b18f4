/**
 * Whose token a request shows, in a process that has no keys: the main process is asked, and its answer is believed for a few seconds, so
 * that a token that was revoked is good here no longer than that. Tokens that may be shown once only are asked for each time.
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Caller } from "../../../wire/rpc/index.ts";
import type { Authenticate } from "../../token/authenticate.ts";
import { Asked } from "./asked.ts";

/** How long a revoked token may still be good here. */
export const REMEMBERED_MS = 2_000;
/** As many as the main process knows at once. */
const REMEMBERED_MAX = 8_192;
/** The main process looks at a signature within a millisecond. */
const ANSWER_MS_MAX = 5_000;
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

export class RemoteCallers {
  readonly #clock: Clock;
  readonly #asked: Asked<Caller>;
  readonly #send: (id: number, token: string, address: string | undefined) => void;
  readonly #known = new LRUCache<string, { readonly caller: Caller; readonly untilMs: number }>({
    max: REMEMBERED_MAX,
  });

  constructor(clock: Clock, send: (id: number, token: string, address: string | undefined) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#asked = new Asked(clock, "asking whose token it is", ANSWER_MS_MAX);
  }

  readonly authenticate: Authenticate = ({ headers }, sender) => {
    const token = BEARER.exec(headers.get("authorization") ?? "")?.[1];
    if (token === undefined) throw new Failure("rpc.unauthenticated", "a token is required");
    const known = this.#known.get(token);
    if (known && known.untilMs > this.#clock.now()) return known.caller;
    return this.#ask(token, sender?.address);
  };

  answered(id: number, caller: Caller): void {
    this.#asked.answer(id, caller);
  }

  refused(id: number, failure: Failure): void {
    this.#asked.fail(id, failure);
  }

  async #ask(token: string, address: string | undefined): Promise<Caller> {
    const caller = await this.#asked.ask((id) => this.#send(id, token, address));
    if (caller.token !== undefined) {
      const untilMs = Math.min(this.#clock.now() + REMEMBERED_MS, caller.token.expiresAtMs);
      this.#known.set(token, { caller, untilMs });
    }
    return caller;
  }
}
