/** `master [HOST PORT]`: takes pipelines and has the cluster's workers do them. */
import { systemClock } from "../../base/clock.ts";
import { defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { live, memberArgs, memberFeatures, memberSettings, teller } from "../member.ts";
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
    "master --node-id m1 --port 8080 --masters 127.0.0.1:8080,127.0.0.1:8090,127.0.0.1:8100",
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
    masters: {
      type: "string",
      valueHint: "HOST:PORT,…",
      description:
        "all masters of a group that begins, this one among them, each with ID= before it where it is known (this one alone)",
    },
    standby: { type: "boolean", description: "begin no group: wait until raft add takes this master in" },
    groups: {
      type: "string",
      valueHint: "NAME,…",
      description: "groups for data beside main, each with a log of its own",
    },
    durability: {
      type: "string",
      valueHint: "fsync|relaxed",
      description: "relaxed acknowledges before the disk has it: a power cut loses what was acknowledged last (fsync)",
    },
    "election-timeout": {
      type: "string",
      valueHint: "TIME..TIME",
      description: "how long a leader may be silent (150ms..300ms)",
    },
    heartbeat: { type: "string", valueHint: "TIME", description: "how often a leader is heard at least (50ms)" },
    "until-done": { type: "boolean", description: "end when they are over, with 1 when one has failed" },
    ...drainArgs,
  },
  async run(args, words) {
    const { MASTER_ROLE } = await import("../../app/master/master-duty.ts");
    const { consensusSettings, openGroupMaster, seedsWith } = await import("../../app/consensus/group-master.ts");
    const groups = consensusSettings({
      masters: args.masters,
      standby: args.standby,
      groups: args.groups,
      durability: args.durability,
      electionTimeout: args["election-timeout"],
      heartbeat: args.heartbeat,
    });
    const settings = seedsWith(await memberSettings(args.name, args, words, [MASTER_ROLE]), groups);
    const features = await memberFeatures(settings, args, words);
    const { logger, tracing } = features;
    const tell = teller(args);
    const { duty, outcomes } = await openGroupMaster(
      {
        settings,
        submit: repeated("--config", words).map((path) => ({ path, fresh: args.fresh ?? false })),
        untilDone: args["until-done"] ?? false,
        drainMs: drainMsOf(args["drain-timeout"]),
        logger,
        tracer: tracing.tracer,
        changed: (view) => {
          const { detail, id, name, state } = view;
          logger.info(`${name} is ${state}`, { id, ...(detail !== undefined && { detail }) });
          tell({ event: "pipeline", timeMs: systemClock.now(), ...view } as { event: string });
        },
        dispatched: ({ id, name }, { event: what, ...more }) => {
          const notice = { event: "dispatch", timeMs: systemClock.now(), id, name, what, ...more };
          if (RARE.has(what)) tell(notice);
        },
      },
      groups,
    );
    const code = await live(settings, { ...features, tell }, duty);
    for (const { summary } of outcomes()) if (summary && !args.quiet) process.stderr.write(`${summaryText(summary)}\n`);
    const failed = outcomes().some(({ state }) => state === "failed");
    return args["until-done"] && failed ? EXIT.failures : code;
  },
});
