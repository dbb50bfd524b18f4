/** `master [HOST PORT]`: takes pipelines and has the cluster's workers do them. */
import { version } from "../../../package.json";
import { systemClock } from "../../base/clock.ts";
import { defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { live, memberArgs, memberLogger, memberSettings, teller } from "../member.ts";
import { summaryText } from "../view/summary.ts";
import { drainArgs, drainMsOf } from "./worker.ts";

/** What does not come with each batch. */
const RARE: ReadonlySet<string> = new Set(["deployed", "flowing", "lost", "moved"]);

export const master = defineCommand({
  about: "run a master: it takes pipelines and has the cluster's workers do them; coordinator is another word for it",
  examples: [
    "master 127.0.0.1 8080 --config config/basic_pipeline.txt",
    "master --port 8080 --config orders.txt --config clicks.txt --until-done",
    "coordinator 10.0.0.1 8080 --secrets ./cluster",
  ],
  args: {
    ...memberArgs,
    name: { type: "string", valueHint: "NAME", default: "master", description: "its name, unique in the cluster" },
    config: {
      type: "string",
      valueHint: "FILE",
      description: "a pipeline to run, unless this master knows it already; may be given several times",
    },
    fresh: {
      type: "boolean",
      description:
        "start those over: forget their checkpoints and replace their outputs; what is under way or paused since before goes on",
    },
    "until-done": { type: "boolean", description: "end when they are over, with 1 when one has failed" },
    ...drainArgs,
  },
  async run(args, words) {
    const { MASTER_ROLE, openMaster } = await import("../../app/master/master-duty.ts");
    const settings = await memberSettings(args.name, args, words, [MASTER_ROLE]);
    const logger = await memberLogger(settings, args);
    const tell = teller(args);
    const { duty, outcomes } = await openMaster({
      settings,
      submit: repeated("--config", words).map((path) => ({ path, fresh: args.fresh ?? false })),
      untilDone: args["until-done"] ?? false,
      drainMs: drainMsOf(args["drain-timeout"]),
      logger,
      changed: (view) => {
        const { detail, id, name, state } = view;
        logger.info(`${name} is ${state}`, { id, ...(detail !== undefined && { detail }) });
        tell({ event: "pipeline", timeMs: systemClock.now(), ...view } as { event: string });
      },
      dispatched: ({ id, name }, { event: what, ...more }) => {
        const notice = { event: "dispatch", timeMs: systemClock.now(), id, name, what, ...more };
        if (RARE.has(what)) tell(notice);
      },
    });
    const code = await live(settings, { logger, tell, version }, duty);
    for (const { summary } of outcomes()) if (summary && !args.quiet) process.stderr.write(`${summaryText(summary)}\n`);
    const failed = outcomes().some(({ entry }) => entry.state === "failed");
    return args["until-done"] && failed ? EXIT.failures : code;
  },
});
