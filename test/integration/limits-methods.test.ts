/** Limits where no control group can be made: held by the kernel's limits for one process and by looks from outside. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { HostKeeper, type HostLimits, type LimitExceeded } from "../../src/process/limits/index.ts";

const MIB = 2 ** 20;
/** Of no namespace: nobody else will judge what carries it. */
const keeper = new HostKeeper(systemClock, {
  instance: `${process.pid}-1-1`,
  prepareHome: () => ({ why: "the test wants none" }),
});

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly peakBytes: number;
  readonly stderr: string;
  /** What a look from outside has found. */
  readonly seen: LimitExceeded | undefined;
  /** What the end shows. */
  readonly shown: LimitExceeded | undefined;
}

/** Runs JavaScript under a guard whose machine has no groups. `looks`: kill it when the watch finds something. */
async function run(source: string, limits: HostLimits, looks: boolean): Promise<Ended> {
  const argv = [process.execPath, "-e", source];
  const guard = keeper.guard({ argv, pool: process.env, passEnv: [], limits, sharedBytes: 0 });
  const { settings } = guard;
  const child = Bun.spawn([...settings.argv], {
    env: settings.env,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let seen: LimitExceeded | undefined;
  guard.watch(child.pid, (how) => {
    seen = how;
    if (looks) child.kill("SIGKILL");
  });
  const stderr = await new Response(child.stderr).text();
  await child.exited;
  const used = child.resourceUsage()!;
  const signal = child.signalCode === null ? null : String(child.signalCode);
  const end = { signal, peakBytes: used.maxRSS, cpuMs: Number(used.cpuTime.total) / 1000 };
  return { code: child.exitCode, ...end, stderr, seen, shown: guard.ended(end) };
}

describe("HostGuard without control groups", () => {
  test("HostGuard sees memory grow over its limit step by step, and how much it was", async () => {
    const source = "const keep = []; setInterval(() => keep.push(Buffer.alloc(1 << 20, 1)), 4);";
    const { seen } = await run(source, { memoryBytes: 64 * MIB }, true);
    expect(seen?.reason).toMatch(/^used \d+\.\d MiB of own memory, its limit is 64\.0 MiB, and was killed$/);
  });

  test("HostGuard leaves a process that stays below its memory limit alone", async () => {
    const source = "const keep = []; for (let n = 0; n < 40; n++) keep.push(Buffer.alloc(1 << 20, 1));";
    expect(await run(source, { memoryBytes: 128 * MIB }, true)).toMatchObject({ code: 0, seen: undefined });
  });

  for (const [what, source] of [
    ["buffers", "const keep = []; for (;;) keep.push(Buffer.alloc(1 << 20, 1));"],
    ["objects", "const keep = []; for (let n = 0; ; n++) keep.push({ n, text: 'text ' + n });"],
  ] as const) {
    test(`HostGuard has the kernel stop a plugin that takes all memory for ${what}, though nobody looks`, async () => {
      const limits = { memoryBytes: 128 * MIB };
      const { code, peakBytes, shown, signal, stderr } = await run(source, limits, false);
      expect(peakBytes).toBeWithin(128 * MIB, 640 * MIB);
      if (signal === null) expect([code, stderr]).toEqual([1, expect.stringContaining("Out of memory")]);
      else expect(shown?.reason).toMatch(/its limit is 128\.0 MiB, and ended by SIG\w+$/);
    });
  }

  test("HostGuard has the kernel end a busy loop at its CPU time, though nobody looks", async () => {
    const { shown, signal } = await run("for (;;);", { cpuMs: 900 }, false);
    expect(signal).toBe("SIGXCPU");
    expect(shown).toEqual({ limit: "cpu", reason: "used up its 0.9 s of CPU time and was killed" });
  });

  test("HostGuard has the kernel end one that does not listen a second later", async () => {
    const { shown, signal } = await run("process.on('SIGXCPU', () => {}); for (;;);", { cpuMs: 900 }, false);
    expect(signal).toBe("SIGKILL");
    expect(shown).toMatchObject({ limit: "cpu" });
  });
});
