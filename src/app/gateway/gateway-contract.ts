/** The contract `gateway`: what can be asked of a gateway. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

/** A token (RFC 9110, 5.6.2). */
export const METHOD = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}$/;

const latency = z.object({ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() });

const masks = z.object({
  masked: z.number().describe("values hidden in requests and replies"),
  refused: z.number().describe("requests and replies that could not be looked into"),
});

const dropped = z.object({
  request: z.number().describe("in clients' messages and parameters, under unknown_fields=count"),
  reply: z.number().describe("in upstreams' messages"),
});

const extra = z.object({
  retries: z.number(),
  hedges: z.number(),
  hedgesWon: z.number().describe("whose response was the one passed on"),
  unbudgeted: z.number().describe("retries and hedges that retry_budget refused"),
  unkept: z.number().describe("retries left out because the body was too long to be kept"),
  mirrored: z.number().describe("copies sent to mirrors"),
  mirrorsSkipped: z.number().describe("copies left out: the body too long, or too many under way"),
});

const target = z.object({
  target: z.string().describe("as the file has it"),
  name: z.string(),
  weight: z.number(),
  state: z.string().describe("healthy, unhealthy, ejected, open (its breaker) or unknown"),
  inFlight: z.number(),
  requests: z.number(),
  failures: z.number(),
});

const route = z.object({
  id: z.string(),
  line: z.number(),
  pattern: z.string(),
  targets: z.array(target).readonly(),
  requests: z.number(),
  inFlight: z.number(),
  byStatus: z.record(z.string(), z.number()).describe("replies by class: 2xx, 4xx, …"),
  refused: z.record(z.string(), z.number()).describe("what the gateway answered by itself, by code"),
  latency: latency.optional(),
  receivedBytes: z.number(),
  sentBytes: z.number(),
  masks: masks.optional().describe("where something is hidden"),
  dropped: dropped.optional().describe("fields that conversions left out because no descriptor knows them"),
  extra: extra.optional().describe("retries, hedges, copies to mirrors, where there were some or some were left out"),
});

const step = z.object({
  route: z.string(),
  line: z.number(),
  pattern: z.string(),
  takes: z.boolean(),
  why: z.string().describe("which condition decided"),
});

const proposal = z.object({
  waf: z.string(),
  directive: z.string(),
  exclude: z.string().describe("as an item of the file's `exclude` option"),
  message: z.string(),
  requests: z.number(),
  clients: z.number(),
  share: z.number().describe("of the requests of those routes"),
  routes: z.array(z.string()).readonly(),
  sample: z.string(),
});

const waf = z.object({
  id: z.string(),
  mode: z.string(),
  rules: z.number(),
  transactions: z.number(),
  blocked: z.number(),
  wouldBlock: z.number(),
  unsupported: z
    .array(z.object({ file: z.string(), line: z.number(), what: z.string(), consequence: z.string() }))
    .readonly(),
});

export const gatewayContract = defineContract({
  name: "gateway",
  version: 1,
  about: "the way in from outside: routes, their targets, what was refused and why",
  methods: {
    status: {
      about: "where it listens, what it goes by, and how much it has to do",
      input: z.strictObject({}),
      output: z.object({
        node: z.string(),
        address: z.string(),
        tls: z.boolean(),
        processes: z.number().describe("that share the port, as it was started"),
        serving: z.number().optional().describe("of these, those that run"),
        file: z.string(),
        loadedMs: z.number().describe("when the file was read last"),
        reloads: z.number(),
        notTaken: z
          .object({ timeMs: z.number(), reason: z.string() })
          .optional()
          .describe("why it goes by the file as it was, since it was told last to read it again"),
        routes: z.number(),
        connections: z.number(),
        requests: z.number(),
        inFlight: z.number(),
        malformed: z.record(z.string(), z.number()).describe("requests that never reached a route, by reason"),
        wafs: z.array(waf).readonly(),
        masks: masks
          .extend({ routes: z.number().describe("on which something is hidden") })
          .optional()
          .describe("of all routes, where something is hidden"),
        dropped: dropped
          .optional()
          .describe("of all routes: fields that conversions left out because no descriptor knows them"),
        extra: extra.optional().describe("of all routes: retries, hedges, copies to mirrors"),
      }),
      access: "read",
      idempotent: true,
    },
    routes: {
      about: "all routes in the order of the file, their targets and what they have done",
      input: z.strictObject({}),
      output: z.object({ routes: z.array(route).readonly() }),
      access: "read",
      idempotent: true,
    },
    try: {
      about: "which route would take a request, and why not the others; nothing is sent",
      input: z.strictObject({
        method: z.string().regex(METHOD),
        url: z.string().min(1).max(16_384).describe("a path, or a URL with a host"),
        headers: z.record(z.string().max(256), z.string().max(16_384)).optional(),
        client: z.string().max(64).optional().describe("the client's address (127.0.0.1)"),
      }),
      output: z.object({
        route: z.string().optional(),
        status: z.number().optional().describe("what the gateway answers where no route takes it"),
        path: z.string().optional().describe("after normalisation"),
        params: z.record(z.string(), z.string()).optional(),
        upstream: z.string().optional().describe("what the target would be asked"),
        targets: z.array(z.string()).readonly().optional(),
        limits: z.array(z.string()).readonly().optional().describe("that count it"),
        guards: z.array(z.string()).readonly().optional().describe("token, rules, firewall, masks that it passes"),
        steps: z.array(step).readonly(),
      }),
      access: "read",
      idempotent: true,
    },
    reload: {
      about: "reads its file and certificates again; a file with faults changes nothing. No connection is lost",
      input: z.strictObject({}),
      output: z.object({ routes: z.number(), loadedMs: z.number() }),
      access: "operate",
    },
    proposals: {
      about: "exclusions that traffic seen in the firewall's detect mode asks for",
      input: z.strictObject({}),
      output: z.object({ proposals: z.array(proposal).readonly() }),
      access: "read",
      idempotent: true,
    },
  },
});

export type GatewayClient = Client<typeof gatewayContract.methods>;
export type RouteView = z.output<typeof route>;
export type WafView = z.output<typeof waf>;
export type ProposalView = z.output<typeof proposal>;
export type TryAnswer = z.output<(typeof gatewayContract.methods.try)["output"]>;
export type GatewayStatus = z.output<(typeof gatewayContract.methods.status)["output"]>;
