/**
 * The contract `overview`: all that the dashboard and `top` show, in one bounded answer. Counters are totals: whoever asks computes
 * rates from two answers, so that a node keeps nothing for those who look.
 */
import { z } from "zod";
import type { Overview } from "../../edge/dashboard/index.ts";
import { type Client, defineContract } from "../../wire/rpc/index.ts";
import { treeNode } from "../control/contract.ts";

const count = z.number();
const share = z.number().optional().describe("0 to 1");
const texts = z.array(z.string()).readonly();

const node = z.object({
  id: z.string(),
  name: z.string(),
  address: z.string().describe("host:port"),
  roles: texts,
  state: z.string().describe("alive, suspect, dead or left"),
  isSelf: z.boolean(),
  isLeader: z
    .boolean()
    .describe("the master that leads; where there are none the oldest that is alive, which is no lock"),
  ageMs: count,
  capacities: z.record(z.string(), count),
  cpu: share,
  memory: share,
  queue: count.optional().describe("batches that wait for it or are under way"),
  isDraining: z.boolean().optional(),
});

const link = z.object({
  peer: z.string(),
  isOpen: z.boolean(),
  roundTripMs: count.optional(),
  bytesSent: count,
  bytesTaken: count,
});

const stage = z.object({
  name: z.string(),
  library: z.string().optional(),
  in: count.describe("records"),
  out: count,
  retries: count,
  restarts: count,
  queued: count.optional().describe("batches that wait or are under way"),
  queueMax: count.optional().describe("batches that may be under way in all of the pipeline, and so in it"),
  waitedMs: count
    .optional()
    .describe("how long batches have waited for a process of it and for room behind it, all together"),
  p50Ms: count.optional(),
  p99Ms: count.optional(),
});

const pipeline = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string().describe("starting, running, retrying, pausing, paused, ended, failed or cancelled"),
  detail: z.string().optional(),
  submittedMs: count,
  read: count.describe("records"),
  written: count,
  deadLettered: count,
  readBytes: count.optional(),
  totalBytes: count.optional(),
  p50Ms: count.optional().describe("of a batch, from its read to its write, since the run began"),
  p99Ms: count.optional(),
  rewinds: count,
  stages: z.array(stage).readonly(),
});

const service = z.object({
  name: z.string(),
  versions: texts,
  nodes: texts,
  healthy: count.describe("processes that take calls"),
  calls: count.describe("that this node has made or passed on"),
  errors: count,
  p50Ms: count.optional(),
  p99Ms: count.optional(),
});

const instance = z.object({
  pid: count,
  command: z.string(),
  name: z.string().describe("its pipeline file, or its id as a node"),
  isSelf: z.boolean(),
  tree: treeNode,
});

const letters = z.object({
  pipeline: z.string(),
  total: count,
  reasons: z
    .array(z.object({ stage: z.string(), reason: z.string(), count }))
    .readonly()
    .describe("the largest first"),
});

const group = z.object({
  group: z.string(),
  role: z.string(),
  term: count,
  leader: z.string().optional(),
  commit: count,
  applied: count,
  logBytes: count,
  members: count,
  damage: z.string().optional(),
});

const cache = z.object({
  entries: count,
  bytes: count,
  hits: count,
  misses: count,
  evictions: count,
  redis: z.string().describe("up, down, or none when there is no Redis behind it"),
});

const codes = z
  .array(z.object({ code: z.string(), count }))
  .readonly()
  .describe("the most frequent first");

const gateway = z.object({
  address: z.string().describe("where clients reach it"),
  tls: z.boolean(),
  processes: count,
  file: z.string(),
  loadedMs: count.describe("when the file was read last"),
  reloads: count,
  connections: count,
  requests: count,
  inFlight: count,
  malformed: codes,
  routes: z
    .array(
      z.object({
        id: z.string(),
        pattern: z.string(),
        targets: z
          .array(z.object({ target: z.string(), state: z.string(), requests: count, failures: count }))
          .readonly(),
        requests: count,
        inFlight: count,
        byStatus: z.record(z.string(), count),
        refused: codes,
        p50Ms: count.optional(),
        p99Ms: count.optional(),
      }),
    )
    .readonly(),
  wafs: z
    .array(
      z.object({
        id: z.string(),
        mode: z.string(),
        rules: count,
        unsupported: count,
        requests: count,
        blocked: count,
        wouldBlock: count,
      }),
    )
    .readonly(),
  proposals: z
    .array(
      z.object({
        waf: z.string(),
        exclude: z.string().describe("as an item of the option `exclude`"),
        message: z.string(),
        requests: count,
        clients: count,
        share: count.describe("0 to 1"),
      }),
    )
    .readonly(),
});

const event = z.object({
  id: count.describe("ascending, from 1 in each life of the node"),
  atMs: count,
  level: z.enum(["info", "warn", "error"]),
  kind: z.string().describe("member, partition, pipeline, service, swap"),
  subject: z.string(),
  text: z.string(),
});

const overview = z.object({
  atMs: count.describe("milliseconds since the epoch"),
  monotonicMs: count.describe("never goes back while the node lives: for rates"),
  life: z.string().describe("another one in each life of the node's process"),
  node: z.string(),
  version: z.string(),
  nodes: z.array(node).readonly(),
  links: z.array(link).readonly().describe("of this node"),
  pipelines: z.array(pipeline).readonly(),
  master: z.string().optional().describe("who has told of the pipelines; none when nobody leads"),
  services: z.array(service).readonly(),
  instances: z.array(instance).readonly().describe("processes of this user on this machine, with what they run"),
  deadLetters: z.array(letters).readonly(),
  groups: z.array(group).readonly(),
  cache: cache.optional(),
  gateway: gateway.optional().describe("where the node is one"),
  events: z.array(event).readonly(),
  lastEvent: count,
  missing: z.array(z.object({ part: z.string(), reason: z.string() })).readonly(),
  cut: z
    .array(z.object({ list: z.string(), shown: count, of: count }))
    .readonly()
    .describe("lists that are longer than an answer may be"),
});

export const overviewContract = defineContract({
  name: "overview",
  version: 1,
  about: "the cluster at a glance, for the dashboard and top",
  methods: {
    snapshot: {
      about: "nodes, links, pipelines, services, processes, dead letters, groups, cache and what has happened lately",
      input: z.strictObject({
        events_after: z.int().min(0).optional().describe("only events behind this id; left out: all that are kept"),
      }),
      output: overview satisfies z.ZodType<Overview>, // what the page reads
      access: "read",
      idempotent: true,
    },
  },
});

export type OverviewClient = Client<typeof overviewContract.methods>;
export type Snapshot = z.output<typeof overview>;
