/** `gateway HOST PORT --config FILE`: runs a gateway, which is a member of the cluster too. */
import { version } from "../../../package.json";
import { Failure } from "../../base/errors.ts";
import { defineCommand } from "../command.ts";
import { HeededSignals } from "../heeded-signals.ts";
import { live, memberArgs, memberFeatures, memberSettings, teller } from "../member.ts";

const {
  "at-host": _host,
  "at-port": _port,
  "seed-host": _seedHost,
  "seed-port": _seedPort,
  ...memberFlags
} = memberArgs;

/** As many as there are processors in large machines; each has its own memory. */
const PROCESSES_MAX = 64;

export const start = defineCommand({
  about:
    "run a gateway: one port for HTTP/1.1, HTTP/2, WebSocket and gRPC; it is a member of the cluster at another port",
  examples: [
    "gateway 127.0.0.1 8443 --config config/gateway.txt",
    "gateway 127.0.0.1 8443 --config config/gateway.txt --join 127.0.0.1:8080",
    "gateway 0.0.0.0 443 --config gateway.txt --processes 2",
    "gateway 0.0.0.0 443 --config gateway.txt --join 10.0.0.1:8080 --address 10.0.0.7 --secrets ./cluster",
  ],
  args: {
    "gateway-host": { type: "positional", valueHint: "HOST", required: true, description: "where clients reach it" },
    "gateway-port": { type: "positional", valueHint: "PORT", required: true, description: "0 is any that is free" },
    config: { type: "string", valueHint: "FILE", required: true, description: "the gateway file; see gateway check" },
    join: {
      type: "string",
      valueHint: "HOST:PORT,…",
      description: "nodes of the cluster whose services, pipelines and limits it shares; another word for --seeds",
    },
    processes: { type: "string", valueHint: "N", description: "that share the port (1)" },
    plain: { type: "boolean", description: "other machines may reach it without TLS" },
    "drain-timeout": {
      type: "string",
      valueHint: "TIME",
      default: "30s",
      description: "what requests under way get to end when it stops",
    },
    ...memberFlags,
    name: { type: "string", valueHint: "NAME", default: "gateway", description: "its name, unique in the cluster" },
    address: {
      type: "string",
      valueHint: "HOST",
      description:
        "where it is a member, and asked about itself (127.0.0.1; required where the cluster is on other machines)",
    },
    port: { type: "string", valueHint: "PORT", description: "the same, on TCP and UDP; 0 is any that is free (0)" },
  },
  async run(args, words) {
    // Before anything else: a start with many rules takes seconds, and who has started it may tell it already that the file is another.
    const signals = new HeededSignals(["SIGHUP", "SIGUSR1", "SIGUSR2"]);
    const { openGateway, readGatewaySettings } = await import("../../app/gateway/gateway-duty.ts");
    const { tracingWords } = await import("../../app/observe/tracing.ts");
    const seeds = [args.seeds, args.join].filter((each) => each !== undefined).join(",");
    const member = { ...args, ...(seeds !== "" && { seeds }) };
    const { requireReachable } = await import("../../app/gateway/settings.ts");
    const settings = await memberSettings(args.name, member, words, ["gateway"]);
    if (args.address === undefined && args.advertise === undefined) requireReachable(settings.host, settings.seeds);
    const features = await memberFeatures(settings, args, words);
    const gateway = await openGateway({
      settings: readGatewaySettings({
        host: args["gateway-host"],
        port: args["gateway-port"],
        config: args.config,
        processes: processesFrom(args.processes),
        isPlain: args.plain ?? false,
        drain: args["drain-timeout"],
      }),
      node: settings,
      logger: features.logger,
      tracer: features.tracing.tracer,
      tracing: tracingWords({ endpoint: args["otlp-endpoint"], ratio: args["trace-ratio"] }),
      version,
    });
    const tell = teller(args);
    gateway.onNotice((notice) => tell(notice));
    signals.serve({ SIGHUP: () => gateway.reload(), SIGUSR1: () => gateway.reopenLogs() });
    return live(settings, { ...features, tell }, gateway.duty, signals.names);
  },
});

function processesFrom(text: string | undefined): number {
  const count = text === undefined ? 1 : Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= PROCESSES_MAX) return count;
  const range = `a whole number from 1 to ${PROCESSES_MAX} is required`;
  throw new Failure("usage.gateway", `--processes is ${JSON.stringify(text)}; ${range}`);
}
