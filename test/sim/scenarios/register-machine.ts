/**
 * The simulator's own guinea pig: a register that only grows, written anywhere, spread by gossip to one random node at a
 * time. What a node tells others it has put on its disk before, so no crash takes it back. Small enough to be read at once,
 * rich enough to need every part of the world: datagrams, streams, timers, restarts, the disk, and waits for it.
 */
import type { Machine, Tick } from "../../../src/base/machine.ts";
import type { Random } from "../../../src/base/random.ts";

export interface RegisterMessage {
  readonly type: "have" | "ask" | "answer";
  readonly value: number;
}

export type RegisterInput =
  | { readonly type: "write"; readonly value: number }
  | { readonly type: "receive"; readonly from: number; readonly message: RegisterMessage }
  | { readonly type: "unreachable"; readonly node: number };

export type RegisterEffect =
  | { readonly type: "persist"; readonly value: number }
  | { readonly type: "send" | "stream"; readonly to: number; readonly message: RegisterMessage };

/** Bugs that can be planted, where the machine has the right thing. */
export interface RegisterRules {
  readonly takes: (own: number, offered: number) => boolean;
  readonly gossips: (wasUnreachable: boolean) => boolean;
}

export const REGISTER_RULES: RegisterRules = {
  takes: (own, offered) => offered > own,
  gossips: () => true,
};

const GOSSIP_EVERY_MS = 200;
/** Every so many gossips one goes over a stream and asks for an answer. */
const ASK_EVERY = 10;

export class Register implements Machine<RegisterInput, RegisterEffect> {
  nextDeadlineMs: number | undefined;
  value: number;
  readonly #self: number;
  readonly #nodes: number;
  readonly #random: Random;
  readonly #rules: RegisterRules;
  #rounds = 0;
  #wasUnreachable = false;

  constructor(
    self: { readonly index: number; readonly value: number; readonly nowMs: number },
    nodes: number,
    random: Random,
    rules: RegisterRules,
  ) {
    this.#self = self.index;
    this.value = self.value;
    this.#nodes = nodes;
    this.#random = random;
    this.#rules = rules;
    this.nextDeadlineMs = self.nowMs + random.next() * GOSSIP_EVERY_MS;
  }

  step(input: RegisterInput | Tick, nowMs: number): readonly RegisterEffect[] {
    switch (input.type) {
      case "write":
        return this.#take(input.value);
      case "receive":
        return this.#receive(input.from, input.message);
      case "unreachable":
        this.#wasUnreachable = true;
        return [];
      case "tick":
        return this.#tick(nowMs);
    }
  }

  #receive(from: number, { type, value }: RegisterMessage): readonly RegisterEffect[] {
    const effects = this.#take(value);
    if (type !== "ask") return effects;
    return [...effects, { type: "stream", to: from, message: { type: "answer", value: this.value } }];
  }

  #take(offered: number): readonly RegisterEffect[] {
    if (!this.#rules.takes(this.value, offered)) return [];
    this.value = offered;
    return [{ type: "persist", value: offered }];
  }

  #tick(nowMs: number): readonly RegisterEffect[] {
    if (this.nextDeadlineMs === undefined || nowMs < this.nextDeadlineMs) return [];
    this.nextDeadlineMs = nowMs + GOSSIP_EVERY_MS;
    if (!this.#rules.gossips(this.#wasUnreachable)) return [];
    const to = (this.#self + 1 + this.#random.below(this.#nodes - 1)) % this.#nodes;
    const asks = this.#rounds++ % ASK_EVERY === 0;
    const message: RegisterMessage = { type: asks ? "ask" : "have", value: this.value };
    return [{ type: asks ? "stream" : "send", to, message }];
  }
}
