/** What a node has been asked and has not answered: proposals by their place in the log, reads by the index they wait for. */
import type { Entry, RaftEffect } from "../../../src/protocol/raft/index.ts";
import type { RaftStore } from "./raft-store.ts";
import type { Answer } from "./raft-wire.ts";

interface Asked {
  readonly answer: (answer: Answer) => void;
  /** Of a read. */
  readonly key: number | undefined;
}

interface Placed extends Asked {
  readonly term: number;
}

interface Ready extends Asked {
  readonly index: number;
}

type Reply = Extract<RaftEffect, { type: "proposed" | "refused" | "readReady" | "done" }>;

export class RaftPending {
  readonly #store: RaftStore;
  readonly #asked = new Map<number, Asked>();
  readonly #placed = new Map<number, Placed[]>();
  #ready: Ready[] = [];
  #lastId = 0;

  constructor(store: RaftStore) {
    this.#store = store;
  }

  ask(answer: (answer: Answer) => void): number {
    this.#asked.set(++this.#lastId, { answer, key: undefined });
    return this.#lastId;
  }

  read(key: number, answer: (answer: Answer) => void): number {
    this.#asked.set(++this.#lastId, { answer, key });
    return this.#lastId;
  }

  take(reply: Reply): void {
    const asked = this.#asked.get(reply.id);
    if (asked === undefined) return;
    this.#asked.delete(reply.id);
    switch (reply.type) {
      case "proposed": {
        const here = this.#placed.get(reply.index) ?? [];
        here.push({ ...asked, term: reply.term });
        this.#placed.set(reply.index, here);
        return;
      }
      case "refused":
        return asked.answer({ type: "refused", reason: reply.reason, leader: reply.leader });
      case "done":
        return asked.answer({ type: "ok", index: this.#store.index, value: 0 });
      case "readReady":
        this.#ready.push({ ...asked, index: reply.index });
        return this.#answerReads();
    }
  }

  applied({ index, term }: Entry, isOk: boolean): void {
    for (const placed of this.#placed.get(index) ?? []) {
      placed.answer(placed.term === term ? { type: "ok", index, value: isOk ? 1 : 0 } : { type: "lost" });
    }
    this.#placed.delete(index);
    if (this.#ready.length > 0) this.#answerReads();
  }

  /** A snapshot has taken the place of these entries: what became of them is not known here. */
  skippedTo(index: number): void {
    for (const at of [...this.#placed.keys()]) if (at <= index) this.#placed.delete(at);
    this.#answerReads();
  }

  #answerReads(): void {
    const { index } = this.#store;
    const due = this.#ready.filter((read) => read.index <= index);
    this.#ready = this.#ready.filter((read) => read.index > index);
    for (const { answer, key } of due) answer({ type: "ok", index, value: this.#store.get(key!) });
  }
}
