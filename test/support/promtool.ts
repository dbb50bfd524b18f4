/** Prometheus's own judge of metrics. Missing where CI says that everything has to be there is a failure; elsewhere it is said and skipped. */
import { expect } from "bun:test";

const PROGRAM = "promtool";

/** Why it cannot be asked; undefined when it can. */
export function whyNoPromtool(): string | undefined {
  if (Bun.which(PROGRAM)) return undefined;
  return "promtool is not installed (package prometheus)";
}

/** Fails with what it says of the text; of a lint it says something too. */
export async function expectGoodMetrics(text: string): Promise<void> {
  const child = Bun.spawn([PROGRAM, "check", "metrics"], {
    stdin: Buffer.from(text),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 10_000,
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "" });
}
