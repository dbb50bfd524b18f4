/**
 * One process and two on the same port where the gateway's own work is what binds: each request is a form of 8 KB that the Core Rule Set looks
 * through, beside which load and upstream are little. What two bring is set beside the processor time that there was to have for them.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { pause, systemClock } from "../../../src/base/clock.ts";
import { freePorts } from "../../../test/support/free-port.ts";
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { connectionsOf } from "./connections.ts";
import { BenchGateway } from "./gateway.ts";
import { fullLoad } from "./load.ts";
import { nginxUpstream } from "./nginx.ts";
import type { Options } from "./options.ts";
import type { Server } from "./server.ts";
import { milliseconds, rate, showAims } from "./show.ts";
import type { Site } from "./site.ts";
import { RULES } from "./waf.ts";
import { USUAL_BODIES } from "./waf-bodies.ts";

const BODY_BYTES = 8 * 1_024;
/** Of what the processor time would allow. */
const OF_THERE_WAS = 0.85;
/** Of the machine, as /proc/stat counts it. */
const TICKS_PER_SECOND = 100;

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processors that each process of the gateway had, on average. */
  readonly each: readonly number[];
  /** Processors that were there for the gateway: all, without what anybody else used. */
  readonly there: number;
  /** By process. */
  readonly connections: readonly number[];
}

export async function measureWafProcesses(site: Site, options: Options): Promise<void> {
  if (!existsSync(RULES)) return console.log("waf-processes is left out: apt-get install modsecurity-crs\n");
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  const lines = [`route|waf|/*|http://127.0.0.1:${upstream.port}`, `waf|${RULES}|block|paranoia=1`];
  await using one = await BenchGateway.start(site, lines, { place: "anywhere" });
  const [port] = (await freePorts(1)) as [number]; // that all of them share, so 0 is none
  await using two = await BenchGateway.start(site, lines, { place: "anywhere", port, args: ["--processes", "2"] });
  const rounds: [one: Round[], two: Round[]] = [[], []];
  for (let run = 0; run <= options.runs; run++) {
    console.error(`run ${run} of ${options.runs}: one process, two processes …`);
    const pair = [await oneRound(site, one, options), await oneRound(site, two, options)] as const;
    if (run === 0) continue; // it warms up
    for (const [at, round] of pair.entries()) rounds[at]!.push(round);
  }
  show(rounds, options);
}

async function oneRound(site: Site, { port, server, url }: BenchGateway, options: Options): Promise<Round> {
  const { connections, "step-ms": ms } = options;
  const form = USUAL_BODIES[0]!;
  const asking = { url: `${url}/small`, headers: { "content-type": form.type }, body: form.body(BODY_BYTES) };
  const before = look(server);
  const load = fullLoad(site, { ...asking, connections, ms });
  await pause(systemClock, ms / 2);
  const spread = connectionsOf(port, [...server.cpuOfEach().keys()]);
  const { p50Ms, p99Ms, perSecond } = await load;
  const after = look(server);
  const seconds = (after.atMs - before.atMs) / 1_000;
  const used = [...after.each].map(([pid, total]) => ({ pid, share: (total - (before.each.get(pid) ?? 0)) / seconds }));
  const own = used.reduce((sum, { share }) => sum + share, 0);
  const serving = used.filter(({ pid }) => (spread.get(pid) ?? 0) > 0);
  return {
    perSecond,
    p50Ms,
    p99Ms,
    each: serving.map(({ share }) => share),
    there: availableParallelism() - ((after.busySeconds - before.busySeconds) / seconds - own),
    connections: serving.map(({ pid }) => spread.get(pid)!),
  };
}

interface Look {
  readonly atMs: number;
  readonly each: ReadonlyMap<number, number>;
  /** Of all processors, by anybody. */
  readonly busySeconds: number;
}

function look(server: Server): Look {
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]!;
  const [user, nice, system, _idle, _waiting, hard, soft, stolen] = line.trim().split(/\s+/).slice(1).map(Number);
  const ticks = [user, nice, system, hard, soft, stolen].reduce<number>((sum, each) => sum + (each ?? 0), 0);
  return { atMs: systemClock.monotonic(), each: server.cpuOfEach(), busySeconds: ticks / TICKS_PER_SECOND };
}

function show([one, two]: readonly [one: Round[], two: Round[]], { connections }: Options): void {
  const of = (rounds: readonly Round[], what: (round: Round) => number): number => median(rounds.map(what));
  const own = ({ each }: Round): number => each.reduce((sum, share) => sum + share, 0);
  const row = (label: string, rounds: readonly Round[]): readonly string[] => [
    label,
    rate(of(rounds, ({ perSecond }) => perSecond)),
    `${milliseconds(of(rounds, ({ p50Ms }) => p50Ms))} / ${milliseconds(of(rounds, ({ p99Ms }) => p99Ms))}`,
    milliseconds(of(rounds, (round) => (own(round) * 1_000) / round.perSecond)),
    of(rounds, ({ there }) => there).toFixed(2),
    rounds.map(({ each }) => each.map((share) => share.toFixed(2)).join(" + ")).join(", "),
    rounds.map((round) => round.connections.join(" + ")).join(", "),
  ];
  const title = `CRS, form of 8 KB, ${connections} connections`;
  const header = [
    title,
    "req/s",
    "p50 / p99 ms",
    "CPU ms",
    "CPUs there",
    "CPUs of each process",
    "connections of each",
  ];
  console.log(`${table(header, [row("one process", one), row("two processes", two)])}\n`);
  const ratio = of(two, ({ perSecond }) => perSecond) / of(one, ({ perSecond }) => perSecond);
  const could = of(two, ({ there }) => there) / of(one, own);
  console.log(`two ÷ one: ${ratio.toFixed(2)}; processors there for two ÷ what one used: ${could.toFixed(2)}`);
  const what = "what two processes bring ÷ what there was to have";
  showAims([{ what, reached: ratio / Math.min(2, could), bound: OF_THERE_WAS }]);
}
