/**
 * Sessions with one group: they number the commands, so that one that is sent again is not done again. The group keeps each answer
 * until the client says that it has all up to it, and takes numbers within a window only. So a command that takes long (it waits for a
 * message, its answer was lost) would stop all behind it: those go by another session meanwhile.
 */
import { Failure } from "../../base/errors.ts";
import type { SessionMark } from "../words/index.ts";
import { COMMANDS_AT_ONCE_MAX, SESSION_SPAN_MAX, SESSIONS_AT_ONCE_MAX } from "./limits.ts";

export class Session {
  readonly id: string;
  readonly #open = new Set<number>(); // in the order of their numbers: the first one is the lowest
  #last = 0;

  constructor(id: string) {
    this.id = id;
  }

  get hasRoom(): boolean {
    const [lowest = this.#last + 1] = this.#open;
    return this.#open.size < COMMANDS_AT_ONCE_MAX && this.#last + 1 - lowest < SESSION_SPAN_MAX;
  }

  /** The number of a new command. */
  begin(): number {
    this.#last++;
    this.#open.add(this.#last);
    return this.#last;
  }

  /** Nobody will ask for this one again. */
  end(sequence: number): void {
    this.#open.delete(sequence);
  }

  mark(sequence: number): SessionMark {
    const [lowest = this.#last + 1] = this.#open;
    return { session: this.id, sequence, received: lowest - 1 };
  }
}

export class Sessions {
  readonly #newId: () => string;
  readonly #sessions: Session[] = [];

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** The first one that has room. Fails with `data.overloaded` when that many commands are under way that none has. */
  choose(): Session {
    const found = this.#sessions.find(({ hasRoom }) => hasRoom);
    if (found) return found;
    if (this.#sessions.length >= SESSIONS_AT_ONCE_MAX) {
      const message = `${SESSIONS_AT_ONCE_MAX} sessions are full of commands that have not been answered; wait for some of them`;
      throw new Failure("data.overloaded", message, { retryable: true });
    }
    const session = new Session(this.#newId());
    this.#sessions.push(session);
    return session;
  }

  /** The group has forgotten it: what is under way in it comes to its end, and nothing new begins. */
  forget(session: Session): void {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
  }
}
