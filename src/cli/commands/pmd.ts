/** `pmd start|status|list|resolve|watch|token|kill`: the port mapper of this host. */
import type { PmdRun } from "../../app/pmd/run-pmd.ts";
import { printable } from "../../base/printable.ts";
import { formatCount, formatDurationMs } from "../../base/units.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";
import { placeFrom, pmdArgs } from "../pmd-flags.ts";
import { textTable } from "../view/table.ts";
import { watch } from "./pmd-watch.ts";

const start = defineCommand({
  about: "start the port mapper in the background; done when it answers, also when one runs already",
  examples: ["pmd start", "pmd start --port 14369 --json", "pmd start --foreground"],
  args: {
    foreground: { type: "boolean", description: "serve in this process, until a signal or pmd kill ends it" },
    log: { type: "string", valueHint: "FILE", description: "with --foreground: write the log there" },
    quiet: commonArgs.quiet,
    json: commonArgs.json,
    ...pmdArgs,
  },
  async run(args) {
    const place = placeFrom(args);
    if (args.foreground) return serve(place, { json: args.json ?? false, quiet: args.quiet ?? false, log: args.log });
    const { ensurePmd } = await import("../../app/pmd/ensure-pmd.ts");
    const { pid, life, version, wasStarted } = await ensurePmd(place);
    if (args.json) await emitJson({ port: place.port, pid, life, version, started: wasStarted });
    else if (!args.quiet) {
      const words = wasStarted ? "port mapper started on" : "a port mapper runs already on";
      process.stderr.write(`${words} 127.0.0.1:${place.port}, process ${pid}\n`);
    }
    return EXIT.done;
  },
});

interface ServeFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly log: string | undefined;
}

async function serve(place: ReturnType<typeof placeFrom>, { json, quiet, log: file }: ServeFlags): Promise<number> {
  const [{ runPmd }, { openPmdLog }] = await Promise.all([
    import("../../app/pmd/run-pmd.ts"),
    import("../../app/pmd/pmd-log.ts"),
  ]);
  const say = (text: string): void => void process.stderr.write(`${printable(text)}\n`);
  const log = file === undefined ? (quiet ? () => {} : say) : openPmdLog(file);
  const run = await runPmd({ ...place, log });
  if (run.kind === "already") {
    if (!quiet) say(`a port mapper runs already on 127.0.0.1:${place.port}, process ${run.identity.pid}`);
    if (json) await emitJson({ port: place.port, ...run.identity, started: false });
    return EXIT.done;
  }
  if (json) await emitJson({ port: run.port, pid: process.pid, started: true });
  return untilEnd(run);
}

const SIGNALS = { SIGHUP: EXIT.sighup, SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm } as const;

/** Signals end it in order; `pmd kill` ends it with 0. */
async function untilEnd(run: Extract<PmdRun, { kind: "serving" }>): Promise<number> {
  let code: number = EXIT.done;
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      code = exitCode;
      run.stop();
    });
  }
  await run.ended;
  return code;
}

const status = defineCommand({
  about: "show whether the port mapper runs; exit code 1 when it does not",
  examples: ["pmd status", "pmd status --json", "pmd status --port 14369"],
  args: { json: commonArgs.json, ...pmdArgs },
  async run(args) {
    const place = placeFrom(args);
    const { pmdStatus } = await import("../../app/pmd/ask-pmd.ts");
    const found = await pmdStatus(place);
    if (args.json)
      await emitJson(found === undefined ? { running: false, port: place.port } : { running: true, ...found });
    else if (found === undefined) process.stderr.write(`no port mapper listens on 127.0.0.1:${place.port}\n`);
    else {
      const { counts, peers, pid, port, uptimeMs, version, watchers } = found;
      const counted = Object.entries(counts).map(([name, count]) => `${name} ${formatCount(count)}`);
      const head = `port mapper on 127.0.0.1:${port}: process ${pid}, version ${version}, up ${formatDurationMs(uptimeMs)}`;
      await emit(
        printable(`${head}; nodes ${peers}, watchers ${watchers}; since its start: ${counted.join(", ")}`).concat("\n"),
      );
    }
    return found === undefined ? EXIT.failures : EXIT.done;
  },
});

const list = defineCommand({
  about: "list the registered nodes",
  examples: ["pmd list", "pmd list --json"],
  args: { json: commonArgs.json, ...pmdArgs },
  async run(args) {
    const place = placeFrom(args);
    const { openPmdClient } = await import("../../app/pmd/open-pmd.ts");
    const peers = await openPmdClient(place).list();
    if (args.json) await emitJson({ port: place.port, peers });
    else if (peers.length === 0) process.stderr.write("no nodes are registered\n");
    else {
      const rows = peers.map(({ alias, nodeId, host, port, pid, ageMs, silentMs }) =>
        [alias, nodeId, addressText(host, port), String(pid), formatDurationMs(ageMs), formatDurationMs(silentMs)].map(
          printable,
        ),
      );
      await emit(`${textTable(["alias", "node", "address", "process", "age", "heard of"], rows)}\n`);
    }
    return EXIT.done;
  },
});

const resolve = defineCommand({
  about: "print where the node of an alias listens",
  examples: ["pmd resolve my-service", "pmd resolve my-service --json"],
  args: {
    alias: { type: "positional", valueHint: "ALIAS", required: true, description: "a node's name on this host" },
    json: commonArgs.json,
    ...pmdArgs,
  },
  async run(args) {
    const { resolveAlias } = await import("../../app/pmd/ask-pmd.ts");
    const peer = await resolveAlias(placeFrom(args), args.alias);
    if (args.json) await emitJson(peer);
    else await emit(`${printable(addressText(peer.host, peer.port))}\n`);
    return EXIT.done;
  },
});

const token = defineCommand({
  about: "print a token for one request to the port mapper by another program",
  examples: [
    "pmd token",
    'pmd token # curl -H "authorization: Bearer $(distributed_system pmd token)" 127.0.0.1:4369/watch',
  ],
  args: { json: commonArgs.json, ...pmdArgs },
  async run(args) {
    const place = placeFrom(args);
    const { openPmdClient } = await import("../../app/pmd/open-pmd.ts");
    const text = await openPmdClient(place).token();
    await (args.json ? emitJson({ port: place.port, token: text }) : emit(`${text}\n`));
    return EXIT.done;
  },
});

const kill = defineCommand({
  about: "end the port mapper; nodes run on, and those that watch it are told",
  examples: ["pmd kill", "pmd kill --port 14369 --json"],
  args: { json: commonArgs.json, quiet: commonArgs.quiet, ...pmdArgs },
  async run(args) {
    const place = placeFrom(args);
    const { killPmd } = await import("../../app/pmd/kill-pmd.ts");
    const { pid } = await killPmd(place);
    if (args.json) await emitJson({ port: place.port, pid });
    else if (!args.quiet) process.stderr.write(`port mapper on 127.0.0.1:${place.port}, process ${pid}, has ended\n`);
    return EXIT.done;
  },
});

function addressText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export const pmd: CommandGroup = {
  about: "the port mapper of this host: which node listens where",
  commands: {
    start: { about: start.about, load: async () => start },
    status: { about: status.about, load: async () => status },
    list: { about: list.about, load: async () => list },
    resolve: { about: resolve.about, load: async () => resolve },
    watch: { about: watch.about, load: async () => watch },
    token: { about: token.about, load: async () => token },
    kill: { about: kill.about, load: async () => kill },
  },
};
