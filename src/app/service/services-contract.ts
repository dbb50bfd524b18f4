/** The contract `services`: the services of users, as this node knows them in the cluster, and those that it runs itself. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";
import { PAGE_DEFAULT, PAGE_MAX, PARAMS_TIMEOUT_MS_MAX } from "./limits.ts";

const name = z.string().min(1).max(200);
const which = name.describe("users, users@1 or users@1.2.0");
const here = name.describe("users, users@1 or users@1.2.0; or the name of its file, where it has never been loaded");
const tags = z.array(z.string().max(100)).max(32).readonly().optional().describe("only those that have all of them");
const labels = z.array(z.string()).readonly().describe("name@version");

const place = z.object({
  node: z.string(),
  service: z.string(),
  version: z.string(),
  tags: z.array(z.string()).readonly(),
  healthy: z.number().describe("processes that take calls"),
});

const listed = z.object({
  service: z.string(),
  version: z.string(),
  about: z.string(),
  tags: z.array(z.string()).readonly(),
  methods: z.array(z.object({ name: z.string(), about: z.string(), isPublic: z.boolean() })).readonly(),
  nodes: z.array(z.object({ node: z.string(), healthy: z.number() })).readonly(),
  healthy: z.number().describe("processes that take calls, on all nodes"),
});

const described = z.object({
  description: z.record(z.string(), z.unknown()).describe("as its definition says it, with JSON schemas"),
  places: z.array(place).readonly(),
});

const processStatus = z.object({
  pid: z.number().optional(),
  state: z.string().describe("starting, serving, unhealthy, draining or ended"),
  inFlight: z.number(),
});

const local = z.object({
  file: z.string(),
  service: z.string().optional().describe("left out until its module has been loaded once"),
  version: z.string().optional(),
  state: z.string().describe("starting, running, restarting, failed or stopping"),
  fault: z.string().optional(),
  restarts: z.number(),
  processes: z.array(processStatus).readonly(),
  waiting: z.number().describe("calls that wait for a process"),
  calls: z.number(),
});

const rescanned = z.object({
  started: labels,
  swapped: labels,
  stopped: labels,
  unchanged: labels,
  starting: labels.describe("still at it; `local` tells what becomes of them"),
  faults: z.array(z.object({ file: z.string(), message: z.string() })).readonly(),
});

const question = {
  service: which,
  method: name,
  params: z.unknown().optional().describe("any JSON; nothing is the empty object"),
  timeoutMs: z.number().int().min(1).max(PARAMS_TIMEOUT_MS_MAX).optional(),
  tags,
};

const nothing = z.strictObject({});
const read = { access: "read", idempotent: true } as const;

export const servicesContract = defineContract({
  name: "services",
  version: 1,
  about: "services of users: what there is in the cluster, and what this node runs",
  methods: {
    list: {
      about: "every version of every service that is known, in order",
      input: z.strictObject({
        tags,
        limit: z.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
        cursor: z.string().max(300).optional().describe("`next` of the page before"),
      }),
      output: z.object({ services: z.array(listed).readonly(), next: z.string().optional() }),
      ...read,
    },
    describe: {
      about: "one service with its methods, their schemas, and who offers it",
      input: z.strictObject({ service: which }),
      output: described,
      ...read,
    },
    discover: {
      about: "where services are offered",
      input: z.strictObject({ service: which.optional(), tags }),
      output: z.object({ places: z.array(place).readonly() }),
      ...read,
    },
    local: {
      about: "the services that this node runs itself, with their processes and faults",
      input: nothing,
      output: z.object({ services: z.array(local).readonly() }),
      ...read,
    },
    call: {
      about: "calls a method; what it needs is checked where it runs",
      input: z.strictObject(question),
      output: z.object({ result: z.unknown() }),
      access: "read",
    },
    broadcast: {
      about: "calls a method on every node that offers it, or of `system` on every node; each answers for itself",
      input: z.strictObject(question),
      output: z.object({
        answers: z
          .array(
            z.object({
              node: z.string(),
              ok: z.boolean(),
              result: z.unknown().optional(),
              error: z.object({ code: z.string(), message: z.string() }).optional(),
            }),
          )
          .readonly(),
      }),
      access: "operate",
    },
    swap: {
      about: "new processes of a service of this node take over, from its file as it is now or from another one",
      input: z.strictObject({
        service: here,
        file: z.string().min(1).max(4096).optional().describe("absolute, on this node's machine"),
      }),
      output: z.object({ service: z.string().describe("name@version of what serves now") }),
      access: "operate",
    },
    restart: {
      about: "new processes of a service of this node take over; one that has failed is tried again",
      input: z.strictObject({ service: here }),
      output: z.object({ service: z.string().describe("name@version of what serves now") }),
      access: "operate",
    },
    rescan: {
      about: "starts services whose files are new, swaps changed ones, stops those whose files are gone",
      input: nothing,
      output: rescanned,
      access: "operate",
    },
    registry: {
      about: "who offers what, as this node has heard it, and what it has counted of calls",
      input: nothing,
      output: z.object({
        self: z.string(),
        revision: z.number(),
        places: z.array(place.extend({ isReachable: z.boolean(), instance: z.string() })).readonly(),
        counts: z.record(z.string(), z.number()),
        targets: z.array(z.record(z.string(), z.unknown())).readonly().describe("breakers and their states"),
      }),
      ...read,
    },
  },
});

export type ServicesClient = Client<typeof servicesContract.methods>;
export type ListedService = z.output<typeof listed>;
export type LocalService = z.output<typeof local>;
export type DescribedService = z.output<typeof described>;
export type RescanAnswer = z.output<typeof rescanned>;
export type Answers = z.output<(typeof servicesContract.methods)["broadcast"]["output"]>["answers"];
