/** Candidates in few words. */
import type { Candidate, NodeLoad } from "../../../../src/protocol/balance/index.ts";

export function node(id: string, rest: Partial<Candidate> = {}): Candidate {
  return { id, weight: 1, outstanding: 0, ...rest };
}

export function loaded(id: string, load: Partial<NodeLoad>, rest: Partial<Candidate> = {}): Candidate {
  return node(id, { load: { cpu: 0, memory: 0, queue: 0, capacity: 4, atMs: 0, ...load }, ...rest });
}

export function equalNodes(count: number): readonly Candidate[] {
  return Array.from({ length: count }, (_, at) => node(`n${at}`));
}
