/** `worker [HOST PORT [SEED-HOST SEED-PORT]]`, or any name in its place: does what the cluster's masters have to do. */
import { Failure } from "../../base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../../base/units.ts";
import { defineCommand } from "../command.ts";
import { live, memberArgs, memberFeatures, memberSettings, teller } from "../member.ts";

export const drainArgs = {
  "drain-timeout": {
    type: "string",
    valueHint: "TIME",
    default: "30s",
    description: "what work under way gets to end when this node is told to",
  },
} as const;

export const worker = defineCommand({
  about:
    "run a worker: it joins the cluster and does the batches of its masters' pipelines; any name in place of the word",
  examples: [
    "worker1 127.0.0.1 8081 127.0.0.1 8080",
    "worker --port 8002 --coord 127.0.0.1:8001",
    "worker2 --seeds 127.0.0.1:8080,127.0.0.1:8090 --capacity cpu=4",
  ],
  args: {
    ...memberArgs,
    name: { type: "string", valueHint: "NAME", description: "its name, unique in the cluster (worker-PID)" },
    config: {
      type: "string",
      valueHint: "FILE",
      description: "taken for symmetry with master: what is run, masters say",
    },
    ...drainArgs,
  },
  async run(args, words) {
    const { WORKER_ROLE, workerDuty } = await import("../../app/worker/worker-duty.ts");
    const settings = await memberSettings(args.name ?? `worker-${process.pid}`, args, words, [WORKER_ROLE]);
    const features = await memberFeatures(settings, args, words);
    const { logger, tracing } = features;
    if (settings.seeds.length === 0)
      logger.warn("no seeds were given: masters find this worker only when they name it as theirs");
    if (args.config !== undefined)
      logger.info("a worker runs what its masters say; --config is for them", { file: args.config });
    const duty = await workerDuty({
      settings,
      drainMs: drainMsOf(args["drain-timeout"]),
      logger,
      tracer: tracing.tracer,
    });
    return live(settings, { ...features, tell: teller(args) }, duty);
  },
});

export function drainMsOf(text: string): number {
  const value = parseDurationMs(text);
  if (value !== undefined) return value;
  throw new Failure("usage.drain_timeout", `--drain-timeout is ${JSON.stringify(text)}; ${DURATION_FORM} is required`);
}
