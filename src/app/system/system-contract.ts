/** The contract `system`: what a node is, and how it is. Names with underscores: the documents' examples call them so. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

const systemInfo = z.object({
  node: z.string(),
  name: z.string(),
  address: z.string().describe("host:port"),
  roles: z.array(z.string()).readonly(),
  version: z.string(),
  runtime: z.string(),
  platform: z.string(),
  architecture: z.string(),
  hostname: z.string(),
  pid: z.number(),
  startedMs: z.number().describe("milliseconds since the epoch"),
  uptimeMs: z.number(),
  cpus: z.number(),
  loadAverage: z.array(z.number()).readonly().describe("of 1, 5 and 15 minutes"),
  memory: z.object({
    totalBytes: z.number(),
    freeBytes: z.number(),
    residentBytes: z.number().describe("of this process, shared pages among them"),
  }),
});

const check = z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() });

const health = z.object({
  status: z.enum(["starting", "ok", "degraded", "draining"]),
  ready: z.boolean().describe("whether new work may be sent here"),
  node: z.string(),
  checks: z.array(check).readonly(),
});

const nothing = z.strictObject({});

export const systemContract = defineContract({
  name: "system",
  version: 1,
  about: "this node: what it is, and how it is",
  methods: {
    get_system_info: {
      about: "the node, its program and its machine",
      input: nothing,
      output: systemInfo,
      access: "read",
      idempotent: true,
    },
    health_check: {
      about: "whether it takes work, and what keeps it from that",
      input: nothing,
      output: health,
      access: "read",
      idempotent: true,
    },
  },
});

export type SystemClient = Client<typeof systemContract.methods>;
export type SystemInfo = z.output<typeof systemInfo>;
export type HealthReport = z.output<typeof health>;
export type HealthCheck = z.output<typeof check>;
