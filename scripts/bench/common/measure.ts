/** Runs one command and measures it from outside: wall time, CPU seconds of all its processes, their own memory. */
import { closeSync, openSync } from "node:fs";
import type { FileSink } from "bun";
import { systemClock } from "../../../src/base/clock.ts";
import { ProcessTree, type ProcessUsage } from "./process-tree.ts";

export interface Measured {
  readonly wallMs: number;
  /** User and system time, descendants included. */
  readonly cpuSeconds: number;
  /** Highest sum of own memory over all processes. */
  readonly ownBytesPeak: number;
  readonly samples: readonly { readonly atMs: number; readonly ownBytes: number }[];
  readonly processes: readonly ProcessUsage[];
  readonly errorText: string;
}

export interface MeasureOptions {
  /** Standard output goes to this file; nowhere without one. */
  readonly stdout?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly sampleEveryMs?: number;
  /** Writes to standard input and ends it; without one there is none. */
  readonly feed?: (sink: FileSink) => Promise<void>;
}

const SAMPLE_EVERY_MS = 100;

/** Fails when the command does. */
export async function measure(argv: readonly string[], options: MeasureOptions = {}): Promise<Measured> {
  const stdout = options.stdout === undefined ? undefined : openSync(options.stdout, "w");
  const startedMs = systemClock.monotonic();
  const child = Bun.spawn([...argv], {
    stdin: options.feed ? "pipe" : "ignore",
    stdout: stdout ?? "ignore",
    stderr: "pipe",
    env: { ...process.env, ...options.env },
  });
  if (stdout !== undefined) closeSync(stdout);
  const sampler = sampleWhileRunning(child.pid, startedMs, options);
  const fed = child.stdin && options.feed?.(child.stdin);
  const errorText = await new Response(child.stderr).text();
  const code = await child.exited;
  const wallMs = systemClock.monotonic() - startedMs;
  const { samples, tree } = sampler.stop();
  if (code === 0) await fed;
  if (code !== 0) throw new Error(`${argv.slice(0, 3).join(" ")} … exited with ${code}:\n${errorText.slice(-2000)}`);
  return {
    wallMs,
    cpuSeconds: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6,
    ownBytesPeak: Math.max(0, ...samples.map(({ ownBytes }) => ownBytes)),
    samples,
    processes: [...tree.processes.values()],
    errorText,
  };
}

function sampleWhileRunning(pid: number, startedMs: number, { sampleEveryMs }: MeasureOptions) {
  const everyMs = sampleEveryMs ?? SAMPLE_EVERY_MS;
  const tree = new ProcessTree(pid);
  const samples: { atMs: number; ownBytes: number }[] = [];
  const tick = (): void => {
    tree.sample();
    if (tree.ownBytes > 0) samples.push({ atMs: systemClock.monotonic() - startedMs, ownBytes: tree.ownBytes });
    timer = systemClock.after(everyMs, tick);
  };
  let timer = systemClock.after(everyMs, tick);
  return {
    stop() {
      timer.cancel();
      return { samples, tree };
    },
  };
}
