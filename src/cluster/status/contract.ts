/**
 * What can be asked of a node about its cluster. Every answer is one node's view at one moment: two nodes may differ. Fields
 * are added, never renamed; spans are in milliseconds and end now, because clocks of machines differ.
 */
import { z } from "zod";
import { defineContract } from "../../wire/rpc/index.ts";

// Open words: an older client shows one that it has never heard of.
const STATE = z.string().describe("alive, suspect, dead or left");
const SIDE = z.string().describe("up or down");

const NODE_LINE = z.object({
  id: z.string(),
  name: z.string(),
  /** host:port, an IPv6 host in brackets. */
  address: z.string(),
  state: STATE,
  isSelf: z.boolean(),
  /** The oldest alive, by this node's view. */
  isLeader: z.boolean(),
  roles: z.array(z.string()),
  capacities: z.record(z.string(), z.number()),
  labels: z.record(z.string(), z.string()),
  /** Time of day at which its process started, by its own clock, in milliseconds since the epoch. */
  bornMs: z.number(),
  incarnation: z.number(),
});

const STATUS = z.object({
  self: z.object({ id: z.string(), name: z.string(), address: z.string() }),
  /** Does this node's side of a partition go on? */
  side: SIDE,
  reason: z.string(),
  /** Id of the leader of the moment. Two nodes may see different ones: locks need consensus. */
  leader: z.string().nullable(),
  members: z.object({ alive: z.number(), suspect: z.number(), dead: z.number(), left: z.number() }),
  partition: z.object({
    strategy: z.string(),
    stableAfterMs: z.number(),
    /** Unreachable, and a decision is pending or was lost. */
    missing: z.array(z.string()),
    /** Unreachable, and this side goes on without them. */
    givenUp: z.array(z.string()),
  }),
  /** 0 is well; a starved node grows slower to suspect others. */
  healthScore: z.number(),
  traffic: z.object({
    datagramsIn: z.number(),
    datagramsOut: z.number(),
    bytesIn: z.number(),
    bytesOut: z.number(),
    /** By reason. */
    dropped: z.record(z.string(), z.number()),
    syncs: z.number(),
    syncsFailed: z.number(),
    suspicions: z.number(),
  }),
});

const EXPLANATION = z.object({
  node: NODE_LINE,
  /** How long it has been in this state, here. */
  stateForMs: z.number(),
  /** Id of who found the state out, as far as told. */
  by: z.string(),
  /** Who says that it is suspect; empty unless it is. */
  confirmations: z.array(z.object({ by: z.string(), agoMs: z.number() })),
  confirmationsWanted: z.number(),
  /** Until it is declared dead, unless it refutes. */
  deadInMs: z.number().nullable(),
  lastProbe: z
    .object({
      agoMs: z.number(),
      outcome: z.string(),
      roundTripMs: z.number().nullable(),
      indirect: z.array(z.object({ via: z.string(), answer: z.string() })),
    })
    .nullable(),
  lastAckAgoMs: z.number().nullable(),
  failedProbes: z.number(),
  /** Failed although its link was fresh: datagrams get lost on the way. */
  lostProbes: z.number(),
  link: z.object({
    state: z.string().describe("fresh, silent, closed or none"),
    /** The suspicion level of its heart-beats; null without a link. */
    phi: z.number().nullable(),
    silentAt: z.number(),
  }),
  /** Of the node that answers: 0 is well. */
  healthScore: z.number(),
  isHearsay: z.boolean(),
  partition: z.object({
    isMissing: z.boolean(),
    isGivenUp: z.boolean(),
    /** What it last said of its own side; null when nothing was heard from it. */
    saysSide: SIDE.nullable(),
    ownSide: SIDE,
    ownReason: z.string(),
  }),
  /** The same in sentences, the most telling first. */
  words: z.array(z.string()),
});

export type NodeLine = z.output<typeof NODE_LINE>;
export type ClusterStatus = z.output<typeof STATUS>;
export type NodeExplanation = z.output<typeof EXPLANATION>;

export const clusterContract = defineContract({
  name: "cluster",
  version: 1,
  about: "The cluster as this node sees it",
  methods: {
    nodes: {
      about: "All members that this node knows, oldest first",
      input: z.strictObject({}),
      output: z.object({ self: z.string(), nodes: z.array(NODE_LINE) }),
      access: "read",
      idempotent: true,
    },
    status: {
      about: "This node's side of a partition, the leader of the moment, counts",
      input: z.strictObject({}),
      output: STATUS,
      access: "read",
      idempotent: true,
    },
    explain: {
      about: "Why a node is held to be what it is: probes, phi, who says so",
      input: z.strictObject({ node: z.string().min(1).max(320) }),
      output: EXPLANATION,
      access: "read",
      idempotent: true,
    },
    leave: {
      about: "Says goodbye to the others, so that they do not take this node for dead",
      input: z.strictObject({}),
      output: z.object({ left: z.literal(true) }),
      access: "operate",
      idempotent: true,
    },
  },
});
