/** What a host prints, held to its budget; the clock is the test's. */
import { describe, expect, test } from "bun:test";
import { LINES_PER_SECOND } from "../../../../src/process/limits/index.ts";
import { HostOutput } from "../../../../src/process/plugin/host-output.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const KIB = 1024;

function scene(bytesPerSecond: number) {
  const clock = new SteppedClock();
  const shown: string[] = [];
  let tooMuch = 0;
  const output = new HostOutput({
    bytesPerSecond,
    clock,
    show: (stream, line) => void shown.push(`${stream}: ${line}`),
    exceeded: () => void tooMuch++,
  });
  return { clock, shown, output, exceeded: () => tooMuch };
}

function streamOf(...texts: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

describe("HostOutput", () => {
  test("HostOutput shows lines of both descriptors and of the log under their names", async () => {
    const { output, shown } = scene(KIB);
    await output.read("stdout", streamOf("one\ntw", "o\n"));
    await output.read("stderr", streamOf("three"));
    output.log("warn", "four\n\u001b[2Jfive");
    expect(shown).toEqual(["stdout: one", "stdout: two", "stderr: three", "warn: four", "warn: ␛[2Jfive"]);
  });

  test("HostOutput counts all ways of printing together, tells once, and reads no further", async () => {
    const { exceeded, output, shown } = scene(KIB);
    await output.read("stdout", streamOf(`${"a".repeat(500)}\n`));
    output.log("info", "b".repeat(500));
    await output.read("stderr", streamOf(`${"c".repeat(100)}\n`, "never read\n"));
    output.log("info", "d");
    expect(exceeded()).toBe(1);
    expect(shown.map((line) => line.slice(0, 9))).toEqual(["stdout: a", "info: bbb"]);
  });

  test("HostOutput shows so many lines a second, and says of the others how many they were", async () => {
    const { clock, output, shown } = scene(1024 * KIB);
    await output.read("stdout", streamOf("x\n".repeat(LINES_PER_SECOND + 1_234)));
    expect(shown).toHaveLength(LINES_PER_SECOND);
    clock.advance(1_000);
    expect(shown.at(-1)).toBe("stderr: (1,234 lines left out: it prints more than 1,000 a second)");
    await output.read("stdout", streamOf("again\n"));
    expect(shown.at(-1)).toBe("stdout: again");
    clock.advance(60_000);
    expect(shown).toHaveLength(LINES_PER_SECOND + 2);
  });

  test("HostOutput tells at the end what it has left out", () => {
    const { clock, output, shown } = scene(1024 * KIB);
    output.log("info", "y\n".repeat(LINES_PER_SECOND + 4));
    output.end();
    expect(shown.at(-1)).toContain("(5 lines left out");
    expect(clock.timers).toBe(0);
  });
});
