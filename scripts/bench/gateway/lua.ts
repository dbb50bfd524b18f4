/**
 * What a decision in Lua adds to a request: the same request with and without the rule, one after the other on open connections, so that no
 * queue stands before anybody. Beside it the bare way to another process and back, which no rule in a process of its own can be quicker than.
 * Asked of gateways that have just started, whose code is being compiled beside the requests, and of one for which that is over.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { median, quantile } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { compileMs } from "./compile-threads.ts";
import { BenchGateway } from "./gateway.ts";
import { nginxUpstream } from "./nginx.ts";
import { getOf, hopOf, inTurn } from "./one-after-other.ts";
import type { Options } from "./options.ts";
import { milliseconds, rate, showAims } from "./show.ts";
import type { Site } from "./site.ts";

const ADDED_P99_MS = 0.2;
/** Of each kind, for each millisecond of a step: a busy machine takes as long as it takes. */
const TIMES_PER_MS = 0.75;
/** Connections are open, and each way has been gone. */
const YOUNG_WARM_UP = 500;
/** By then the runtime has compiled what it is going to: its threads for that have used 0.8 s, and use next to nothing from here on. */
const SETTLED_WARM_UP = 20_000;

/** As rules are: looks at a header, sets one, names a target. */
const RULE = `function route(request)
  local tier = request.headers["x-tier"] == "gold" and "gold" or "plain"
  return { target = "main", headers = { ["x-decided"] = tier } }
end
`;

interface Round {
  /** Milliseconds of each question: plain, lua, hop. */
  readonly times: readonly number[][];
  /** What the gateway's compiling threads have used meanwhile. */
  readonly compiledMs: number;
}

interface Asking {
  readonly times: number;
  readonly warmUp: number;
  readonly pauseMs: number;
}

export async function measureLua(site: Site, options: Options): Promise<void> {
  const upstream = await nginxUpstream(site);
  await using _upstream = upstream.server;
  const { runs, "step-ms": ms } = options;
  const asking = { times: ms * TIMES_PER_MS, warmUp: YOUNG_WARM_UP, pauseMs: 0 };
  const young: Round[] = [];
  for (let run = 1; run <= runs; run++) {
    console.error(`run ${run} of ${runs}: a gateway that has just started …`);
    await using ours = await luaGateway(site, upstream.port);
    young.push(await oneRound(ours, asking));
  }
  show("just started, back to back", young);
  await using ours = await luaGateway(site, upstream.port);
  console.error(`${rate(SETTLED_WARM_UP)} of each to settle …`);
  await oneRound(ours, { times: 0, warmUp: SETTLED_WARM_UP, pauseMs: 0 });
  for (const [pace, pauseMs] of [
    ["back to back", 0],
    ["1 ms between two", 1],
  ] as const) {
    const rounds: Round[] = [];
    for (let run = 1; run <= runs; run++) {
      console.error(`run ${run} of ${runs}: settled, ${pace} …`);
      rounds.push(await oneRound(ours, { ...asking, pauseMs }));
    }
    show(`settled, ${pace}`, rounds);
  }
}

/** Its host of rules is a process of its own, so all of it may run anywhere. */
function luaGateway(site: Site, upstreamPort: number): Promise<BenchGateway> {
  const rule = join(site.directory, "rule.lua");
  writeFileSync(rule, RULE);
  const target = `http://127.0.0.1:${upstreamPort};name=main`;
  const lines = [`route|plain|/plain/*|${target}`, `route|lua|/lua/*|${target}|lua=${rule}`];
  return BenchGateway.start(site, lines, { place: "anywhere" });
}

async function oneRound({ port, server }: BenchGateway, asking: Asking): Promise<Round> {
  const kinds = [getOf("plain", port, "/plain/x"), getOf("lua", port, "/lua/x"), hopOf("hop")];
  const before = compileMs(server.pid);
  const times = await inTurn(await Promise.all(kinds), asking);
  return { times, compiledMs: compileMs(server.pid) - before };
}

function show(state: string, rounds: readonly Round[]): void {
  const of = (kind: number, share: number): number => median(rounds.map(({ times }) => quantile(times[kind]!, share)));
  const added = (share: number): number => of(1, share) - of(0, share);
  const row = (label: string, at: (share: number) => number) => [label, ...[0.5, 0.9, 0.99].map(at).map(milliseconds)];
  const rows = [
    row("plain", (share) => of(0, share)),
    row("lua", (share) => of(1, share)),
    row("a decision adds", added),
    row("a bare hop takes", (share) => of(2, share)),
  ];
  const times = `${rate(rounds[0]!.times[0]!.length)} of each in turn, ${state}`;
  console.log(`${table([times, "p50 ms", "p90 ms", "p99 ms"], rows)}\n`);
  const compiledMs = median(rounds.map((round) => round.compiledMs));
  console.log(`the gateway's compiling threads have used ${rate(compiledMs)} ms beside them, its warm-up included`);
  const what = `p99 that a Lua decision adds, ${state}`;
  showAims([{ what, reached: added(0.99), bound: ADDED_P99_MS, isUpper: true, unit: " ms" }]);
}
