/** The least that an HTTP API on Hono and Bun can be: one route, JSON in, JSON out; no token, no schema, no limit. Prints its port. */
import { Hono } from "hono";

const app = new Hono();
app.post("/echo", async (context) => context.json(await context.req.json()));
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, development: false, fetch: app.fetch });
console.log(server.port);
