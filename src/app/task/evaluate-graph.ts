/**
 * Task graphs written as programs. The parent starts this program again for the file and reads one JSON document; the child imports
 * the module and prints its default export. User code never runs in the process that runs the graph.
 */
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import { provideSdk } from "../../process/plugin/index.ts";
import { GRAPH_BYTES_MAX } from "../../work/task/index.ts";
import { selfArgv } from "../self.ts";

/** A program that builds 100,000 tasks takes a second; one that takes longer than this waits for something. */
const EVALUATE_MS_MAX = 20_000;

/** Of what it wrote to standard error, shown when it failed. */
const SAID_LENGTH_MAX = 2_000;

/** The command line, behind the program's own, that turns this program into the child. */
export const EVALUATE_WORDS = ["task", "evaluate"] as const;

/** What the module's default export is as JSON. Fails with `task.file.program`. */
export async function evaluateGraph(path: string): Promise<unknown> {
  const child = Bun.spawn([...selfArgv(), ...EVALUATE_WORDS, path], {
    env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let ended: string | undefined;
  const end = (why: string): void => {
    ended ??= why;
    child.kill("SIGKILL");
  };
  const timer = systemClock.after(EVALUATE_MS_MAX, () => end(`did not end within ${EVALUATE_MS_MAX} ms`));
  const tooMuch = (): void => end(`gave more than ${formatBytes(GRAPH_BYTES_MAX)}`);
  try {
    const [text, said] = await Promise.all([
      read(child.stdout, GRAPH_BYTES_MAX, tooMuch),
      read(child.stderr, GRAPH_BYTES_MAX, tooMuch),
    ]);
    const code = await child.exited;
    if (ended === undefined && code === 0) return JSON.parse(text);
    throw new Error(ended ?? (said.slice(-SAID_LENGTH_MAX).trim() || `exited with code ${code}`));
  } catch (thrown) {
    throw new Failure("task.file.program", `evaluating ${path}: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    timer.cancel();
  }
}

async function read(stream: ReadableStream<Uint8Array>, most: number, tooMuch: () => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length <= most) continue;
    tooMuch();
    break;
  }
  return text;
}

/** The child: the graph as JSON text. What the program prints goes to standard error, for standard output carries the graph. */
export async function printableGraph(path: string): Promise<string> {
  provideSdk();
  console.log = console.info = console.debug = console.error;
  const module = (await import(path)) as { default?: unknown };
  if (typeof module.default !== "object" || module.default === null) {
    const found = module.default === undefined ? "none" : typeof module.default;
    throw new Failure(
      "task.file.program",
      `its default export is ${found}; export default defineTaskGraph({ … }) is required`,
    );
  }
  return JSON.stringify(module.default);
}
