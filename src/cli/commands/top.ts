/** `top`: the cluster at a glance, painted again every second; one frame where no terminal is. */
import type { AskChoices, Asked } from "../../app/node/ask-node.ts";
import type { Snapshot } from "../../app/overview/ask-overview.ts";
import { pause, systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { DURATION_FORM, parseDurationMs } from "../../base/units.ts";
import { defineCommand, EXIT } from "../command.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

/** A look costs a node some milliseconds: more often is of no use to people. */
const INTERVAL_MS_MIN = 200;

export const top = defineCommand({
  about: "watch nodes, pipelines, services, restarts, dead letters and events; q ends it",
  examples: ["top", "top --node 127.0.0.1:8080 --interval 5s", "top --once", "top --json"],
  args: {
    interval: { type: "string", valueHint: "TIME", default: "1s", description: "between two looks" },
    once: { type: "boolean", description: "print one frame; rates are those of one interval" },
    ...nodeArgs,
  },
  async run(args) {
    const choices = askChoices(args);
    const intervalMs = intervalOf(args.interval);
    const { askOverview } = await import("../../app/overview/ask-overview.ts");
    const ask: Ask = () => askOverview(choices, undefined);
    if (args.json) {
      const { answer, by } = await ask();
      await emitJson({ asked: by, ...answer });
      return EXIT.done;
    }
    const { untilSignal } = await import("../until-signal.ts");
    const isScreen = !args.once && process.stdout.isTTY === true;
    return untilSignal((signal) => (isScreen ? watch(ask, intervalMs, signal) : printOnce(ask, intervalMs, signal)));
  },
});

type Ask = () => Promise<Asked<Snapshot>>;

function intervalOf(text: string): AskChoices["timeoutMs"] {
  const intervalMs = parseDurationMs(text);
  if (intervalMs !== undefined && intervalMs >= INTERVAL_MS_MIN) return intervalMs;
  const message = `--interval is ${JSON.stringify(text)}; at least ${INTERVAL_MS_MIN} ms is required, ${DURATION_FORM}`;
  throw new Failure("usage.interval", message);
}

/** Two looks, for rates. In a terminal no line is broken: what is wider is cut. */
async function printOnce(ask: Ask, intervalMs: number, signal: AbortSignal): Promise<number> {
  const { topFrame } = await import("../view/top.ts");
  const first = await ask();
  await pause(systemClock, intervalMs, signal);
  const { answer, by } = signal.aborted ? first : await ask();
  const { columns, isTTY } = process.stdout;
  const size = isTTY && columns > 0 ? { columns, rows: Number.POSITIVE_INFINITY } : undefined;
  await emit(`${topFrame(first.answer, answer, by, size).join("\n")}\n`);
  return EXIT.done;
}

async function watch(ask: Ask, intervalMs: number, signal: AbortSignal): Promise<number> {
  const { FullScreen, ownTerminal } = await import("../full-screen.ts");
  const { topFrame } = await import("../view/top.ts");
  const quit = new AbortController();
  const end = AbortSignal.any([signal, quit.signal]);
  let seen: Seen | undefined = await firstLook(ask);
  const paint = (): void => {
    if (seen) screen.paint(withNote(topFrame(seen.before, seen.now, seen.by, screen.size), seen.note));
  };
  using screen = new FullScreen(ownTerminal(), { quit: () => quit.abort(), resized: () => paint() });
  while (!end.aborted) {
    paint();
    await pause(systemClock, intervalMs, end);
    if (!end.aborted) seen = await nextLook(ask, seen);
  }
  return EXIT.done;
}

interface Seen {
  readonly before: Snapshot | undefined;
  readonly now: Snapshot;
  readonly by: string;
  /** Why nothing newer is shown. */
  readonly note?: string;
}

async function firstLook(ask: Ask): Promise<Seen> {
  const { answer, by } = await ask();
  return { before: undefined, now: answer, by };
}

/** Who does not answer is asked again: what was seen last stays, and says so. */
async function nextLook(ask: Ask, { before, by, now }: Seen): Promise<Seen> {
  try {
    const next = await ask();
    return { before: now, now: next.answer, by: next.by };
  } catch (thrown) {
    return { before, by, now, note: `stale: ${printable(messageOf(thrown))}` };
  }
}

function withNote(lines: readonly string[], note: string | undefined): readonly string[] {
  return note === undefined ? lines : [lines[0]!, note, ...lines.slice(1, -1)];
}
