/** Two ends of the conversation between a node and a service host, joined in memory by a line that takes few bytes at a time. */

import type { Incoming } from "../../src/process/service/incoming.ts";
import { Peer } from "../../src/process/service/peer.ts";
import { SteppedClock } from "./stepped-clock.ts";

export interface PairOptions {
  /** Of a write; the rest is taken after the other end has read. */
  readonly bytesPerWrite?: number;
  /** What the far end does with what it is asked. */
  readonly serve: (request: Incoming) => void;
}

export class PeerPair {
  readonly clock = new SteppedClock();
  readonly near: Peer;
  readonly far: Peer;
  /** Why one end has called the other one broken. */
  readonly broken: string[] = [];
  readonly notes: string[] = [];
  /** Bytes that the near end has written. */
  written = 0;

  constructor({ bytesPerWrite = Number.POSITIVE_INFINITY, serve }: PairOptions) {
    const end = (name: string, other: () => Peer, own: () => Peer, serving: (request: Incoming) => void): Peer =>
      new Peer({
        clock: this.clock,
        serve: serving,
        note: (_operation, text) => void this.notes.push(text),
        broken: (reason) => void this.broken.push(reason),
        write: (bytes) => {
          const taken = Math.min(bytes.length, bytesPerWrite);
          const copy = Buffer.from(bytes.subarray(0, taken));
          if (name === "near") this.written += taken;
          queueMicrotask(() => {
            other().received(copy);
            if (taken < bytes.length) own().outbox.drained();
          });
          return taken;
        },
      });
    this.near = end(
      "near",
      () => this.far,
      () => this.near,
      () => {},
    );
    this.far = end(
      "far",
      () => this.near,
      () => this.far,
      serve,
    );
  }
}
