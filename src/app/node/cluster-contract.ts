/** The contract `cluster`: what a node can be asked about the cluster as it sees it. Spans instead of times of day: clocks differ. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

/** Open words: an older client shows a state that it has never heard of. */
const state = z.string().describe("alive, suspect, dead or left");

const member = z.object({
  id: z.string(),
  name: z.string(),
  address: z.string().describe("host:port"),
  state,
  incarnation: z.number(),
  ageMs: z.number().describe("since its process started, by its own clock and this node's"),
  roles: z.array(z.string()).readonly(),
  capacities: z.record(z.string(), z.number()),
  labels: z.record(z.string(), z.string()),
  isSelf: z.boolean(),
  isLeader: z.boolean().describe("the oldest that is alive, as this node sees it: no lock"),
});

const side = z.object({
  status: z.string().describe("up, or down: on the losing side of a partition"),
  reason: z.string(),
});

const confirmation = z.object({ by: z.string(), agoMs: z.number() });
const probe = z.object({
  agoMs: z.number(),
  outcome: z.string(),
  roundTripMs: z.number().optional(),
  indirect: z.array(z.object({ via: z.string(), answer: z.string() })).readonly(),
});

const explanation = z.object({
  member,
  sinceMs: z.number().describe("how long it has been in this state, here"),
  by: z.string().describe("who found that out"),
  confirmations: z.array(confirmation).readonly().describe("who says that it is suspect"),
  confirmationsWanted: z.number(),
  deadInMs: z.number().optional().describe("until it is declared dead, unless it refutes"),
  lastProbe: probe.optional(),
  lastAckAgoMs: z.number().optional(),
  failedProbes: z.number().describe("in a row"),
  lostProbes: z.number().describe("without an answer although its link was fresh: datagrams get lost"),
  link: z.string().describe("fresh, silent, closed or none"),
  phi: z.number().optional().describe("of its link's heart-beats"),
  phiSilentAt: z.number(),
  retriedAgoMs: z.number().optional(),
  isGivenUp: z.boolean().describe("this side of a partition goes on without it"),
  healthScore: z.number().describe("this node's own: 0 is well, and more makes it patient with others"),
  side,
});

const status = z.object({
  self: member.extend({ status: z.string(), statusReason: z.string() }),
  hasJoined: z.boolean(),
  members: z.record(z.string(), z.number()).describe("how many are alive, suspect, dead, left"),
  leader: z.string().optional(),
  healthScore: z.number(),
  counts: z.record(z.string(), z.number()).describe("since it started"),
  dropped: z.record(z.string(), z.number()).describe("datagrams that were not taken, by reason"),
});

const nothing = z.strictObject({});

export const clusterContract = defineContract({
  name: "cluster",
  version: 1,
  about: "the cluster as this node sees it",
  methods: {
    nodes: {
      about: "every member that is known",
      input: nothing,
      output: z.object({ nodes: z.array(member).readonly() }),
      access: "read",
      idempotent: true,
    },
    status: {
      about: "this node, its side of a partition, and what it has counted",
      input: nothing,
      output: status,
      access: "read",
      idempotent: true,
    },
    explain: {
      about: "why a member is held to be what it is",
      input: z.strictObject({ node: z.string().min(1).max(300).describe("id, name or host:port") }),
      output: explanation,
      access: "read",
      idempotent: true,
    },
  },
});

export type ClusterClient = Client<typeof clusterContract.methods>;
export type MemberInfo = z.output<typeof member>;
export type ClusterStatus = z.output<typeof status>;
export type MemberWhy = z.output<typeof explanation>;
