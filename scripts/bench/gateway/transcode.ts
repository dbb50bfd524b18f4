/**
 * JSON in, a unary gRPC call out, beside a bare loop of @grpc/grpc-js, both against the same server of @grpc/grpc-js. That server may well be
 * the slowest of all: the processor time of a call says more than calls a second then.
 */
import { join } from "node:path";
import { freePorts } from "../../../test/support/free-port.ts";
import { type Figures, medians } from "../common/figures.ts";
import { median } from "../common/statistics.ts";
import { resultOf } from "../raft/contestant.ts";
import { BenchGateway } from "./gateway.ts";
import type { Options } from "./options.ts";
import { NODE, NODE_NAME } from "./plain.ts";
import { inRounds, type Outcome } from "./rounds.ts";
import { Server } from "./server.ts";
import { showRates, showRatio } from "./show.ts";
import { pinned, type Site } from "./site.ts";

const OF_LOOP = 0.5;
const PEERS = join(import.meta.dir, "peers");

interface LoopFigures extends Figures {
  readonly microseconds: number;
  readonly busy: number;
}

export async function measureTranscode(site: Site, options: Options): Promise<void> {
  const [port] = (await freePorts(1)) as [number];
  const argv = [NODE, join(PEERS, "grpc-server.mjs"), String(port)];
  await using server = new Server(site, { name: "grpc", place: "load", argv });
  await server.listens(port);
  const proto = join(PEERS, "greeter.proto");
  await using ours = await BenchGateway.start(site, [`route|grpc|/call/*|grpc://127.0.0.1:${port}|proto=${proto}`]);
  const ready = {
    label: "JSON to gRPC",
    url: `${ours.url}/call/bench.Greeter/Greet`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "ada", times: 7 }),
    server: ours.server,
  };
  const loops: LoopFigures[] = [];
  const own: Outcome[] = [];
  for (let run = 1; run <= options.runs; run++) {
    loops.push(await loop(port, options));
    own.push(...(await inRounds(site, [ready], { ...options, runs: 1 })));
  }
  const outcomes = [together(`grpc-js loop on ${NODE_NAME}`, loops), together(ready.label, own)];
  showRates("unary calls", outcomes, outcomes[0]!);
  showRatio("JSON to gRPC ÷ a bare grpc-js loop", outcomes[1]!, outcomes[0]!, OF_LOOP);
}

function loop(port: number, { connections, "step-ms": ms }: Options): Promise<LoopFigures> {
  console.error("a bare grpc-js loop …");
  const words = [port, connections, ms / 3, ms].map((each) => String(Math.round(each)));
  return resultOf<LoopFigures>([...pinned("measured"), NODE, join(PEERS, "grpc-loop.mjs"), ...words]);
}

function together(label: string, rounds: readonly LoopFigures[]): Outcome {
  const microseconds = median(rounds.map((each) => each.microseconds));
  const busy = median(rounds.map((each) => each.busy));
  return { label, ...medians(rounds), microseconds, busy, runs: rounds.map(({ perSecond }) => perSecond) };
}
