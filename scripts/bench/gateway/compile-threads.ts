/** What a process's runtime spends on compiling beside its work: threads that take a processor from whoever has one. */
import { readdirSync, readFileSync } from "node:fs";

/** As the runtime names them: JavaScript's, and WebAssembly's. The kernel keeps fifteen characters. */
const NAMES: ReadonlySet<string> = new Set(["JITWorker", "t Helper Thread"]);
const NANOSECONDS_PER_MS = 1e6;

/** Milliseconds of processor until now; of threads that are there. */
export function compileMs(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    try {
      if (!NAMES.has(readFileSync(`${folder}/comm`, "utf8").trim())) continue;
      sum += Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / NANOSECONDS_PER_MS;
    } catch {
      // the thread has ended meanwhile
    }
  }
  return sum;
}
