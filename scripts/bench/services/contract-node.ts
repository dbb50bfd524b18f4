/**
 * A node as the executable puts it together, with a contract of the benchmark's own beside the others, which gives back what it gets: what a
 * call under `/rpc` costs when nothing lies behind it. Takes the words that `node` takes here: NAME HOST PORT … --data-dir DIR.
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { stderrLogger } from "../../../src/app/node/log-sinks.ts";
import { startNodeRole } from "../../../src/app/node/node-role.ts";
import { readSettings } from "../../../src/app/node/settings.ts";
import { NO_TRACING } from "../../../src/app/observe/tracing.ts";
import { defineContract, implement } from "../../../src/wire/rpc/index.ts";

const text = z.object({ data: z.string() });

const contract = defineContract({
  name: "bench",
  version: 1,
  about: "gives back what it gets",
  methods: { echo: { about: "echo", input: text, output: text, access: "read" } },
});

const { positionals, values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { json: { type: "boolean" }, quiet: { type: "boolean" }, "data-dir": { type: "string" } },
});
const [, name = "", host, port] = positionals;
const running = await startNodeRole(
  readSettings({ name, host, port, dataDir: values["data-dir"] }),
  {
    logger: stderrLogger({ name, level: "error", format: "text" }),
    tell: (notice) => console.log(JSON.stringify(notice)),
    version: "0.0.0",
    tracing: NO_TRACING,
    services: { directories: [], passEnv: [], watch: false },
    redisUrl: undefined,
  },
  { command: "node", services: [implement(contract, { echo: (given) => given })] },
);
process.on("SIGTERM", () => running.stop("SIGTERM"));
await running.ended;
process.exit(0);
