/** The contract `pmd`: what can be asked of a port mapper, and the shapes of what it tells. Watching is a stream beside it. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";
import {
  ALIAS_CHARS_MAX,
  HOST_CHARS_MAX,
  META_BYTES_MAX,
  META_KEY_CHARS_MAX,
  META_KEYS_MAX,
  META_VALUE_CHARS_MAX,
  NODE_ID_CHARS_MAX,
  TTL_MS_DEFAULT,
  TTL_MS_MAX,
  TTL_MS_MIN,
} from "./limits.ts";

/** Letters, digits and a few signs: an alias stands in addresses, file names and command lines as it is. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]*$/;
const NAME_FORM = "letters, digits, and . _ @ - behind the first are allowed";
/** A name, or a number of IPv4 or IPv6 with its zone. */
const HOST = /^[A-Za-z0-9_.:%-]+$/;

const alias = z.string().min(1).max(ALIAS_CHARS_MAX).regex(NAME, NAME_FORM).describe("the node's name on this host");
const nodeId = z.string().min(1).max(NODE_ID_CHARS_MAX).regex(NAME, NAME_FORM).describe("who it is");
const meta = z
  .record(z.string().min(1).max(META_KEY_CHARS_MAX).regex(NAME, NAME_FORM), z.string().max(META_VALUE_CHARS_MAX))
  .refine((value) => Object.keys(value).length <= META_KEYS_MAX, `at most ${META_KEYS_MAX} keys are allowed`)
  .refine(
    (value) => Buffer.byteLength(JSON.stringify(value)) <= META_BYTES_MAX,
    `at most ${META_BYTES_MAX} bytes of JSON are allowed`,
  )
  .describe("a few words about the node");

const registration = z.strictObject({
  alias,
  nodeId,
  host: z
    .string()
    .min(1)
    .max(HOST_CHARS_MAX)
    .regex(HOST, "a host name or address is required")
    .describe("where it listens"),
  port: z.int().min(1).max(65_535),
  pid: z
    .int()
    .min(1)
    .max(2 ** 31 - 1),
  startTime: z
    .string()
    .regex(/^\d{1,20}$/)
    .optional()
    .describe("field 22 of /proc/PID/stat: with it a dead process is known as such at once"),
  meta: meta.default({}),
  ttlMs: z.int().min(TTL_MS_MIN).max(TTL_MS_MAX).default(TTL_MS_DEFAULT).describe("gone when not heard of for so long"),
});

/** What others are told of a node. */
export const peerShape = z.object({
  alias: z.string(),
  nodeId: z.string(),
  host: z.string(),
  port: z.number(),
  pid: z.number(),
  startTime: z.string().optional(),
  meta: z.record(z.string(), z.string()),
  ttlMs: z.number(),
});

const listing = peerShape.extend({
  ageMs: z.number().describe("since it registered"),
  silentMs: z.number().describe("since it was last heard of"),
});

const status = z.object({
  pid: z.number(),
  version: z.string(),
  life: z.string().describe("another one after each start"),
  port: z.number(),
  uptimeMs: z.number(),
  peers: z.number(),
  watchers: z.number(),
  counts: z.record(z.string(), z.number()).describe("since it started"),
});

export type PmdStatus = z.output<typeof status>;
export type Registration = z.input<typeof registration>;

export const pmdContract = defineContract({
  name: "pmd",
  version: 1,
  about: "the port mapper of a host: which node listens where",
  methods: {
    register: {
      about: "put a node under its alias; again by the same node replaces what it said",
      input: registration,
      output: z.object({ outcome: z.enum(["joined", "updated", "unchanged"]), ttlMs: z.number() }),
      access: "operate",
      idempotent: true,
    },
    heartbeat: {
      about: "the node is alive; to be called at least twice in its TTL",
      input: z.strictObject({ nodeId }),
      output: z.object({ ttlMs: z.number() }),
      access: "operate",
      idempotent: true,
    },
    unregister: {
      about: "the node leaves",
      input: z.strictObject({ nodeId }),
      output: z.object({ wasThere: z.boolean() }),
      access: "operate",
      idempotent: true,
    },
    resolve: {
      about: "where the node of that alias listens",
      input: z.strictObject({ alias }),
      output: listing,
      access: "read",
      idempotent: true,
    },
    list: {
      about: "every node that is registered",
      input: z.strictObject({}),
      output: z.object({ peers: z.array(listing).readonly() }),
      access: "read",
      idempotent: true,
    },
    status: {
      about: "the port mapper itself",
      input: z.strictObject({}),
      output: status,
      access: "read",
      idempotent: true,
    },
    kill: {
      about: "end the port mapper; watchers are told, nodes run on",
      input: z.strictObject({}),
      output: z.object({ pid: z.number() }),
      access: "operate",
    },
  },
});

export type PmdMethods = Client<typeof pmdContract.methods>;

/** What the stream at `/watch` tells; the words are the names of its events. */
export const watchEvents = {
  snapshot: z.object({ life: z.string(), ageMs: z.number(), peers: z.array(peerShape) }),
  "peer:join": z.object({ peer: peerShape }),
  "peer:update": z.object({ peer: peerShape }),
  "peer:leave": z.object({ peer: peerShape, reason: z.string() }),
  end: z.object({ reason: z.string(), message: z.string() }),
} as const;

export type WatchEventName = keyof typeof watchEvents;
export type Snapshot = z.output<typeof watchEvents.snapshot>;
/** `killed`: ended on purpose by a person; `stopping`: by a signal; `slow`: this watcher did not keep up. */
export type EndReason = "killed" | "stopping" | "slow";
