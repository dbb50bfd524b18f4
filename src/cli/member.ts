/** What the commands that are members of the cluster share: node, master, worker. Their flags, how these are read, how they end. */
import type { ArgsDef, ParsedArgs } from "citty";
import { version } from "../../package.json";
import type { NodeDuty } from "../app/node/node-duty.ts";
import type { FeaturePorts } from "../app/node/node-features.ts";
import type { NodeNotice, RunningNode } from "../app/node/node-role.ts";
import type { NodeSettings } from "../app/node/settings.ts";
import { Failure } from "../base/errors.ts";
import { LOG_LEVELS, type Logger, type LogLevel } from "../base/log.ts";
import { commonArgs, EXIT } from "./command.ts";
import { repeated } from "./instances.ts";
import { serviceArgs, serviceSettings } from "./service-flags.ts";
import { traceArgs, tracingFrom } from "./trace-flags.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export const memberArgs = {
  "at-host": { type: "positional", valueHint: "HOST", required: false, description: "where it listens (127.0.0.1)" },
  "at-port": {
    type: "positional",
    valueHint: "PORT",
    required: false,
    description: "on TCP and UDP; 0 is any that is free (0)",
  },
  "seed-host": {
    type: "positional",
    valueHint: "SEED-HOST",
    required: false,
    description: "a node that is there already",
  },
  "seed-port": { type: "positional", valueHint: "SEED-PORT", required: false, description: "its port" },
  address: { type: "string", valueHint: "HOST", description: "another way to say HOST" },
  port: { type: "string", valueHint: "PORT", description: "another way to say PORT" },
  seeds: {
    type: "string",
    alias: "coord",
    valueHint: "HOST:PORT,…",
    description: "nodes that are there already, any of them will do",
  },
  "node-id": { type: "string", valueHint: "ID", description: "its id, when that is not its name" },
  advertise: {
    type: "string",
    valueHint: "HOST:PORT",
    description: "where others reach it, when that is somewhere else",
  },
  role: {
    type: "string",
    valueHint: "ROLE",
    description: "what it does, for others to know; may be given several times",
  },
  capacity: { type: "string", valueHint: "NAME=NUMBER", description: "what it can take; may be given several times" },
  label: { type: "string", valueHint: "NAME=TEXT", description: "a word about it; may be given several times" },
  preset: {
    type: "string",
    valueHint: "local|lan|wan",
    description: "how far the nodes are apart (local on loopback, else lan)",
  },
  "cluster-size": {
    type: "string",
    valueHint: "N",
    description: "about how many nodes there will be: a smaller number decides a partition sooner (16)",
  },
  "split-brain": {
    type: "string",
    valueHint: "STRATEGY",
    description: "which side of a partition goes on: keep-majority, static-quorum, keep-oldest, down-all or off (off)",
  },
  "stable-after": {
    type: "string",
    valueHint: "TIME",
    description: "how long a partition lasts before that is decided (20s)",
  },
  "quorum-size": { type: "string", valueHint: "N", description: "of static-quorum" },
  secrets: {
    type: "string",
    valueHint: "DIR",
    description: "keys and certificates made by init; not needed on loopback",
  },
  "log-level": { type: "string", valueHint: "LEVEL", description: `${LOG_LEVELS.join(", ")} (info)` },
  "log-format": {
    type: "string",
    valueHint: "text|json",
    description: "of the lines of the log (text on a terminal, else json)",
  },
  "log-file": {
    type: "string",
    valueHint: "FILE",
    description: "the log goes there too; at 16 MiB it is put aside, and five are kept",
  },
  "redis-url": {
    type: "string",
    valueHint: "URL",
    description: "redis://HOST:PORT: what services' answers are kept in besides memory",
  },
  ...serviceArgs,
  ...traceArgs,
  ...commonArgs,
  json: { type: "boolean", description: "one line of JSON on standard output for each thing that happens" },
} as const satisfies ArgsDef;

type TypedFlags = ParsedArgs<typeof memberArgs>;
type Place = "at-host" | "at-port" | "seed-host" | "seed-port";

/** A command may have other words of its own where a member has its place. */
export type MemberFlags = Pick<TypedFlags, Exclude<keyof typeof memberArgs, Place>> & Partial<Pick<TypedFlags, Place>>;

/** `roles` are those of the command itself. */
export async function memberSettings(
  name: string,
  args: MemberFlags,
  words: readonly string[],
  roles: readonly string[] = [],
): Promise<NodeSettings> {
  const { readSettings } = await import("../app/node/settings.ts");
  return readSettings({
    name,
    nodeId: args["node-id"],
    host: args.address ?? args["at-host"],
    port: args.port ?? args["at-port"],
    advertise: args.advertise,
    seeds: seedsFrom(args),
    roles: [...roles, ...repeated("--role", words).filter((each) => !roles.includes(each))],
    capacities: repeated("--capacity", words),
    labels: repeated("--label", words),
    preset: args.preset,
    clusterSize: args["cluster-size"],
    splitBrain: args["split-brain"],
    stableAfter: args["stable-after"],
    quorumSize: args["quorum-size"],
    secrets: args.secrets,
    dataDir: args["data-dir"],
  });
}

async function memberLogger({ id }: NodeSettings, args: MemberFlags): Promise<Logger> {
  const { stderrLogger } = await import("../app/node/log-sinks.ts");
  const { "log-file": file, "log-format": format } = args;
  return stderrLogger({ name: id, level: levelFrom(args), format: formatFrom(format), file });
}

/** For programs: a line of JSON each, where they were asked for. */
export function teller({ json }: Pick<MemberFlags, "json">): (notice: { readonly event: string }) => void {
  return (notice) => {
    if (json) process.stdout.write(`${JSON.stringify(notice)}\n`);
  };
}

/** What every member has, whatever its duty: a log, traces, services, a cache. */
export async function memberFeatures(
  settings: NodeSettings,
  args: MemberFlags,
  words: readonly string[],
): Promise<FeaturePorts> {
  const logger = await memberLogger(settings, args);
  const [tracing, services] = await Promise.all([
    tracingFrom(args, settings.id, version, (text) => logger.warn(text)),
    serviceSettings(args, words),
  ]);
  return { logger, tracing, services, redisUrl: args["redis-url"] };
}

export interface LivePorts extends FeaturePorts {
  readonly tell: (notice: NodeNotice) => void;
}

/** Runs until it is told to end; gives the exit code. `heeded`: signals that do not end it, and that somebody else hears. */
export async function live(
  settings: NodeSettings,
  ports: LivePorts,
  duty?: NodeDuty,
  heeded: readonly NodeJS.Signals[] = [],
): Promise<number> {
  const { startNodeRole } = await import("../app/node/node-role.ts");
  const signals = leaveOnSignals((text) => ports.logger.info(text), heeded);
  const running = await startNodeRole(settings, { ...ports, version }, duty);
  signals.serve(running);
  const { isFailure } = await running.ended;
  await ports.tracing.close();
  signals.release();
  return isFailure ? EXIT.failures : EXIT.done;
}

interface SeedFlags {
  readonly "seed-host"?: string | undefined;
  readonly "seed-port"?: string | undefined;
  readonly seeds?: string | undefined;
}

function seedsFrom({ seeds, "seed-host": host, "seed-port": port }: SeedFlags): readonly string[] {
  if (host !== undefined && port === undefined) {
    throw new Failure("usage.node", `the seed ${JSON.stringify(host)} has no port; SEED-HOST SEED-PORT is required`);
  }
  const named =
    host === undefined ? [] : [host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`];
  return [...named, ...(seeds === undefined ? [] : [seeds])];
}

interface LogFlags {
  readonly "log-level"?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

function levelFrom({ "log-level": text, quiet, verbose }: LogFlags): LogLevel {
  if (text === undefined) return quiet ? "error" : verbose ? "debug" : "info";
  const found = LOG_LEVELS.find((each) => each === text.toLowerCase());
  if (!found)
    throw new Failure(
      "usage.node",
      `--log-level is ${JSON.stringify(text)}; one of ${LOG_LEVELS.join(", ")} is required`,
    );
  return found;
}

function formatFrom(text: string | undefined): "text" | "json" | undefined {
  if (text === undefined || text === "text" || text === "json") return text;
  throw new Failure("usage.node", `--log-format is ${JSON.stringify(text)}; text or json is required`);
}

/** The first one leaves gracefully, a second one at once. One that comes while the node starts is heeded when it has started. */
function leaveOnSignals(
  note: (text: string) => void,
  heeded: readonly NodeJS.Signals[],
): { serve(running: RunningNode): void; release(): void } {
  let running: RunningNode | undefined;
  let reason: string | undefined;
  const on = (signal: (typeof SIGNALS)[number]): void => {
    if (reason !== undefined) process.exit(signal === "SIGINT" ? EXIT.sigint : EXIT.sigterm);
    reason = `was asked to by ${signal}`;
    note(`${signal}: leaving the cluster; once more ends at once`);
    running?.stop(reason);
  };
  const ending = SIGNALS.filter((signal) => !heeded.includes(signal));
  for (const signal of ending) process.on(signal, on);
  return {
    serve(started) {
      running = started;
      if (reason !== undefined) started.stop(reason);
    },
    release() {
      for (const signal of ending) process.off(signal, on);
    },
  };
}
