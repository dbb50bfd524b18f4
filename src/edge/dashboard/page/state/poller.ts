/**
 * Asks for the overview once a second while somebody looks: not while the page is hidden, less and less often while nobody answers.
 * One question is under way at a time. It ends by itself when the token is no longer taken.
 */
import type { Clock, Timer } from "../../../../base/clock.ts";
import type { Overview } from "../../words.ts";
import { Problem } from "./api.ts";

const INTERVAL_MS = 1_000;
/** A node that is back is seen within this time. */
const BACK_OFF_MS_MAX = 15_000;

export type PollState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "paused" }
  | { readonly kind: "failing"; readonly problem: string; readonly sinceMs: number }
  | { readonly kind: "signed-out"; readonly problem: string };

export interface PollerPorts {
  readonly clock: Clock;
  readonly ask: () => Promise<Overview>;
  readonly isHidden: () => boolean;
  readonly took: (overview: Overview) => void;
  readonly changed: (state: PollState) => void;
}

export class Poller {
  readonly #ports: PollerPorts;
  #state: PollState = { kind: "connecting" };
  #timer: Timer | undefined;
  #isAsking = false;
  /** Somebody wants to see what came of what they did, although a question is under way. */
  #again = false;
  #failures = 0;
  #isClosed = false;

  constructor(ports: PollerPorts) {
    this.#ports = ports;
  }

  get state(): PollState {
    return this.#state;
  }

  /** Asks at once; also when the page is shown again, and after an action. */
  look(): void {
    if (this.#isClosed) return;
    this.#timer?.cancel();
    if (this.#ports.isHidden()) return this.#set({ kind: "paused" });
    if (this.#isAsking) this.#again = true;
    else void this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    this.#again = false;
    try {
      const overview = await this.#ports.ask();
      if (this.#isClosed) return;
      this.#failures = 0;
      this.#ports.took(overview);
      this.#set({ kind: "live" });
    } catch (thrown) {
      if (!this.#isClosed) this.#failed(thrown);
    } finally {
      this.#isAsking = false;
      this.#next();
    }
  }

  #failed(thrown: unknown): void {
    const problem = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof Problem && thrown.isUnauthenticated) {
      this.close();
      return this.#set({ kind: "signed-out", problem });
    }
    this.#failures++;
    const sinceMs = this.#state.kind === "failing" ? this.#state.sinceMs : this.#ports.clock.now();
    this.#set({ kind: "failing", problem, sinceMs });
  }

  #next(): void {
    if (this.#isClosed) return;
    if (this.#again) return this.look();
    const delayMs = Math.min(BACK_OFF_MS_MAX, INTERVAL_MS * 2 ** Math.max(0, this.#failures - 1));
    this.#timer = this.#ports.clock.after(delayMs, () => this.look());
  }

  #set(state: PollState): void {
    this.#state = state;
    this.#ports.changed(state);
  }
}
