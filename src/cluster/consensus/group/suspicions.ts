/** What peers say that cannot be, told to people: of each peer and kind once a while, since whoever says such a thing says it often. */
import type { Clock } from "../../../base/clock.ts";
import type { RaftEffect } from "../../../protocol/raft/index.ts";
import type { GroupPorts } from "./ports.ts";

type Suspicion = Extract<RaftEffect, { type: "suspicion" }>;

/** Often enough to be seen in a log, seldom enough not to fill it. */
const AGAIN_MS = 60_000;
/** Of those who were told of; beyond it all is forgotten and told anew. */
const REMEMBERED_MAX = 256;

export class Suspicions {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #tell: GroupPorts["tell"];
  readonly #toldMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">, tell: GroupPorts["tell"]) {
    this.#clock = clock;
    this.#tell = tell;
  }

  take({ from, known, said, what }: Suspicion): void {
    const nowMs = this.#clock.monotonic();
    const key = `${what} ${from}`;
    const toldMs = this.#toldMs.get(key);
    if (toldMs !== undefined && nowMs - toldMs < AGAIN_MS) return;
    if (this.#toldMs.size >= REMEMBERED_MAX) this.#toldMs.clear();
    this.#toldMs.set(key, nowMs);
    if (what === "term_far_ahead")
      this.#tell("a peer speaks of a term that cannot be; it is not heard", { from, said, known });
    else this.#tell("a member has lost entries that it had acknowledged; it gets them again", { from, said, known });
  }
}
