/**
 * Users with HTTP endpoints, validated params, kept answers, and middleware of its own. They live in the memory of one process, so there is
 * exactly one (`exclusive`); a real one has a database, and as many processes as it likes.
 */
import { cache, defineService, type Middleware, method, rateLimit, ServiceError, z } from "distributed-system/service";

const user = z.object({ id: z.int(), name: z.string().min(1).max(100), mail: z.email() });
const newUser = user.omit({ id: true });
type User = z.output<typeof user>;

const users = new Map<number, User>();

/** Own middleware: a function around the next one. */
const timed: Middleware = async ({ context, method: name }, next) => {
  const startMs = performance.now();
  try {
    return await next();
  } finally {
    context.log.debug(`${name} took ${(performance.now() - startMs).toFixed(1)} ms`);
  }
};

export default defineService({
  name: "users",
  version: "1.0.0",
  about: "users by number",
  tags: ["example", "people"],
  exclusive: true,
  middleware: [timed],

  init({ log, node }) {
    users.set(1, { id: 1, name: "Ada", mail: "ada@example.org" });
    log.info(`has ${users.size} users on ${node}`);
  },
  cleanup({ log }) {
    log.info(`ends with ${users.size} users`);
  },
  health() {
    if (users.size > 100_000) throw new Error("more users than this example holds");
  },

  methods: {
    get: method({
      about: "one user",
      public: true,
      http: "GET /users/:id",
      input: z.object({ id: z.coerce.number().int() }),
      output: user,
      middleware: [cache({ ttl: "1m", key: ["id"], tags: ["user:{id}"], negativeTtl: "2s" })],
      handler: ({ id }) => {
        const found = users.get(id);
        if (found) return found;
        throw new ServiceError("users.not_found", `there is no user ${id}`);
      },
    }),

    create: method({
      about: "adds a user and gives its number",
      public: true,
      http: "POST /users",
      input: newUser,
      output: user,
      middleware: [rateLimit({ limit: 1_000, window: "1s" })],
      handler: (given) => {
        const created = { id: users.size + 1, ...given };
        users.set(created.id, created);
        return created;
      },
    }),

    rename: method({
      about: "gives a user another name; what nodes keep of it is dropped everywhere",
      public: true,
      http: "PATCH /users/:id",
      invalidates: "user:{id}",
      input: z.object({ id: z.coerce.number().int(), name: z.string().min(1).max(100) }),
      output: user,
      handler: ({ id, name }) => {
        const found = users.get(id);
        if (!found) throw new ServiceError("users.not_found", `there is no user ${id}`);
        const renamed = { ...found, name };
        users.set(id, renamed);
        return renamed;
      },
    }),
  },
});
