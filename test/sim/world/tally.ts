/** Counts of what nodes sent, received and lost, for tables and for checkers of bounds. */
import type { DropReason } from "./network.ts";

export class Tally {
  readonly datagrams: Float64Array;
  readonly datagramBytes: Float64Array;
  readonly streams: Float64Array;
  readonly streamBytes: Float64Array;
  readonly arrivals: Float64Array;
  readonly dropped: Record<DropReason, number> = { blocked: 0, lost: 0, down: 0, overflow: 0 };

  constructor(nodes: number) {
    this.datagrams = new Float64Array(nodes);
    this.datagramBytes = new Float64Array(nodes);
    this.streams = new Float64Array(nodes);
    this.streamBytes = new Float64Array(nodes);
    this.arrivals = new Float64Array(nodes);
  }

  sent(node: number, bytes: number): void {
    this.datagrams[node] = this.datagrams[node]! + 1;
    this.datagramBytes[node] = this.datagramBytes[node]! + bytes;
  }

  sentStream(node: number, bytes: number): void {
    this.streams[node] = this.streams[node]! + 1;
    this.streamBytes[node] = this.streamBytes[node]! + bytes;
  }

  received(node: number): void {
    this.arrivals[node] = this.arrivals[node]! + 1;
  }

  drop(reason: DropReason): void {
    this.dropped[reason]++;
  }
}

export function total(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
