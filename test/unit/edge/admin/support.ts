/** An API over a small contract and made-up services, with a token for each sort of caller. */
import { z } from "zod";
import { Failure } from "../../../../src/base/errors.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { type AdminApp, type AdminPorts, createAdminApp, type Route } from "../../../../src/edge/admin/index.ts";
import type { MethodDescription, ServiceDescription } from "../../../../src/process/service/index.ts";
import { type Caller, Dispatcher, defineContract, implement } from "../../../../src/wire/rpc/index.ts";
import type { DoorCall, ServiceDoor } from "../../../../src/work/service/words/index.ts";
import { TimerClock } from "../../wire/rpc/support.ts";

export const CALLERS: Readonly<Record<string, Caller>> = {
  scoped: { name: "a service", access: "none", scopes: ["users.get"] },
  viewer: { name: "a viewer", access: "read" },
  operator: { name: "an operator", access: "operate" },
  admin: { name: "an admin", access: "admin" },
};

/** `Bearer expired` and whatever else is unknown is refused; `Bearer locked` is locked out. */
export function authenticate({ headers }: Request): Caller {
  const token = headers.get("authorization")?.replace("Bearer ", "") ?? "";
  if (token === "locked") {
    throw new Failure("auth.locked_out", "too many wrong tokens", { retryable: true, data: { retryAfterMs: 2_500 } });
  }
  const caller = Object.hasOwn(CALLERS, token) ? CALLERS[token] : undefined;
  if (caller) return caller;
  throw new Failure("rpc.unauthenticated", "a token for this node is required");
}

const thing = z.object({ id: z.string(), price: z.number() });
const text = z.string().max(20);

export const shop = defineContract({
  name: "shop",
  version: 1,
  about: "sells things",
  methods: {
    list: {
      about: "all things",
      input: z.strictObject({
        cheap: z.boolean().optional(),
        most: z.number().optional(),
        tags: z.array(text).optional(),
      }),
      output: z.object({ things: z.array(thing).readonly(), asked: z.unknown() }),
      access: "read",
      idempotent: true,
    },
    after: {
      about: "things behind one",
      input: z.strictObject({ limit: z.number().int().max(500), after: z.string().optional() }),
      output: z.object({ things: z.array(thing).readonly(), more: z.boolean() }),
      access: "read",
    },
    buy: {
      about: "buys one",
      input: z.strictObject({ id: text, pieces: z.number().default(1), gift: z.boolean().optional() }),
      output: z.object({ bought: z.string(), pieces: z.number(), gift: z.boolean().optional() }),
      access: "operate",
    },
    price: {
      about: "the price of a thing, if there is one",
      input: z.strictObject({ id: text }),
      output: z.object({ price: z.number().optional(), asked: z.string() }),
      access: "read",
    },
    fire: { about: "ends it", input: z.strictObject({}), output: z.object({}), access: "admin" },
    keys: {
      about: "its keys",
      input: z.strictObject({}),
      output: z.object({ keys: z.array(z.string()) }),
      access: "read",
    },
  },
});

export const THINGS = Array.from({ length: 7 }, (_, index) => ({ id: `thing-${index}`, price: index }));

const ROUTES: readonly Route[] = [
  {
    verb: "GET",
    path: "/things",
    contract: "shop",
    method: "list",
    tag: "shop",
    paged: { kind: "slice", items: "things", key: "id" },
  },
  {
    verb: "GET",
    path: "/behind",
    contract: "shop",
    method: "after",
    tag: "shop",
    paged: { kind: "after", items: "things", key: "id" },
  },
  { verb: "POST", path: "/things/{id}/buy", contract: "shop", method: "buy", tag: "shop", status: 201 },
  { verb: "POST", path: "/things/{id}/give", contract: "shop", method: "buy", tag: "shop", fixed: { gift: true } },
  { verb: "POST", path: "/fire", contract: "shop", method: "fire", tag: "shop" },
  { verb: "GET", path: "/.well-known/keys", contract: "shop", method: "keys", tag: "shop", isPublic: true },
  { verb: "GET", path: "/price", contract: "shop", method: "price", tag: "shop", content: "price" },
  { verb: "GET", path: "/elsewhere", contract: "absent", method: "list", tag: "shop" },
];

function method(more: Partial<MethodDescription> = {}): MethodDescription {
  return { about: "", isPublic: true, access: "read", isIdempotent: true, isStream: false, endpoints: [], ...more };
}

const idSchema = {
  type: "object",
  properties: { id: { type: "integer" }, full: { type: "boolean" }, name: { type: "string" } },
  required: ["id"],
};

export const USERS: ServiceDescription = {
  name: "users",
  version: "1.2.0",
  about: "people",
  tags: [],
  instances: 1,
  isExclusive: false,
  hasHealth: false,
  methods: {
    get: method({ about: "one user", input: idSchema, endpoints: [{ verb: "GET", path: "/users/:id" }] }),
    update: method({ input: idSchema, access: "operate", endpoints: [{ verb: "PUT", path: "/users/:id" }] }),
    me: method({ endpoints: [{ verb: "GET", path: "/users/me" }] }),
    watch: method({ isStream: true, endpoints: [{ verb: "GET", path: "/users/:id/events" }] }),
    taken: method({ endpoints: [{ verb: "GET", path: "/things" }] }),
    secret: method({ isPublic: false }),
  },
};

/** Answers with what it was asked; streams three items, and fails as `params.fail` says. */
export class FakeDoor implements ServiceDoor {
  revision = 1;
  readonly calls: DoorCall[] = [];
  description: ServiceDescription = USERS;
  /** Items taken, and whether the stream was ended. */
  taken = 0;
  isEnded = false;

  async call(call: DoorCall): Promise<Uint8Array> {
    this.calls.push(call);
    if (!this.find(call.service)) throw new Failure("service.not_found", `there is no ${call.service}`);
    if (call.method === "secret") throw new Failure("rpc.forbidden", "not public");
    return call.params;
  }

  async *stream(call: DoorCall): AsyncIterable<Uint8Array> {
    this.calls.push(call);
    const { fail } = (JSON.parse(Buffer.from(call.params).toString()) ?? {}) as { fail?: number };
    try {
      for (let item = 0; item < 3; item++) {
        if (item === fail) throw new Failure("users.gone", "the user has gone", { data: { item } });
        this.taken++;
        yield Buffer.from(JSON.stringify({ item }, null, item === 1 ? 1 : undefined));
      }
    } finally {
      this.isEnded = true;
    }
  }

  async broadcast() {
    return [];
  }
  discover() {
    return [];
  }
  find(service: string): ServiceDescription | undefined {
    const { name, version } = this.description;
    return [name, `${name}@1`, `${name}@${version}`].includes(service) ? this.description : undefined;
  }
  list() {
    return [this.description];
  }
  endpoints() {
    const { methods, name: service, version } = this.description;
    return Object.entries(methods).flatMap(([each, { endpoints }]) =>
      endpoints.map((endpoint) => ({ service, version, method: each, endpoint })),
    );
  }
}

export interface TestApi {
  readonly app: AdminApp;
  readonly door: FakeDoor;
  readonly clock: TimerClock;
  readonly warnings: string[];
  readonly reported: unknown[];
  /** Inputs that reached a method. */
  readonly inputs: unknown[];
  get(path: string, token?: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  send(
    verb: string,
    path: string,
    body?: RequestInit["body"],
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
}

export function openApi(more: Partial<AdminPorts> = {}): TestApi {
  const clock = new TimerClock();
  const door = new FakeDoor();
  const [warnings, reported, inputs]: [string[], unknown[], unknown[]] = [[], [], []];
  const logger = createLogger({
    name: "test",
    level: "info",
    clock,
    sink: ({ message }) => void warnings.push(message),
  });
  const service = implement(shop, {
    list: (input) => {
      inputs.push(input);
      return { things: THINGS, asked: input };
    },
    after: ({ limit, after }) => {
      const start = after === undefined ? 0 : THINGS.findIndex(({ id }) => id === after) + 1;
      return { things: THINGS.slice(start, start + limit), more: start + limit < THINGS.length };
    },
    buy: (input) => {
      inputs.push(input);
      const { id, pieces, gift } = input;
      return { bought: id, pieces, ...(gift !== undefined && { gift }) };
    },
    price: ({ id }) => ({ asked: id, ...(id === "free" && { price: 0 }) }),
    fire: () => ({}),
    keys: () => ({ keys: ["a key"] }),
  });
  const dispatcher = new Dispatcher([service], { clock, report: (...told) => void reported.push(told) });
  const app = createAdminApp({
    routes: ROUTES,
    dispatcher,
    authenticate,
    readiness: () => ({ live: true, ready: true }),
    clock,
    logger,
    version: "1.0.0",
    services: door,
    metrics: () => ({ contentType: "text/plain", text: "up 1\n" }),
    ...more,
  });
  const send: TestApi["send"] = (verb, path, body, headers = {}) => {
    const all = { authorization: "Bearer operator", ...headers };
    const init = { method: verb, headers: all, ...(body !== undefined && { body }) };
    return app.fetch(new Request(`http://localhost${path}`, init), {});
  };
  const get: TestApi["get"] = (path, token, headers = {}) => {
    const all = { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    return app.fetch(new Request(`http://localhost${path}`, { headers: all }), {});
  };
  return { app, door, clock, warnings, reported, inputs, get, send };
}

export async function problem(response: Response): Promise<Record<string, unknown>> {
  if (response.headers.get("content-type") !== "application/problem+json") {
    throw new Error(`${response.status} ${response.headers.get("content-type")}: ${await response.text()}`);
  }
  return (await response.json()) as Record<string, unknown>;
}
