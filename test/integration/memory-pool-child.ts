/** A child of memory-pool.test.ts: maps the segment at the given descriptor and does what it is told, line by line. */
import { readdirSync, readlinkSync } from "node:fs";
import { Failure } from "../../src/base/errors.ts";
import { type AttachedSegment, attachSegment, SharedMemory } from "../../src/process/memory/index.ts";

const [fd, sizeBytes] = process.argv.slice(2).map(Number);
const segment = attachSegment(fd!, sizeBytes!);

function answer(segment: AttachedSegment, line: string): string {
  const [order, ...rest] = line.split(" ");
  const [offset, size, mark] = rest.map(Number);
  if (order === "fill") segment.slot(offset!, size!).fill(mark!);
  if (order === "fill") return "done";
  if (order === "sum") return String(segment.slot(offset!, size!).reduce((sum, byte) => sum + byte, 0));
  if (order === "own-segment") return new SharedMemory().createSegment(65536).view.length > 0 ? "made" : "empty";
  if (order === "grandchild-segments") return String(inheritedByGrandchild());
  return `unknown order ${order}`;
}

/** Segments among the descriptors that a child of this process inherits. */
function inheritedByGrandchild(): number {
  const listing = Bun.spawnSync(["ls", "-l", "/proc/self/fd"]).stdout.toString();
  const own = readdirSync("/proc/self/fd").filter((name) => isSegment(name)).length;
  return own + (listing.match(/distributed_system-/g)?.length ?? 0);
}

function isSegment(name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${name}`).includes("distributed_system-");
  } catch {
    return false; // The descriptor of the listing itself is closed by now.
  }
}

for await (const line of console) {
  try {
    console.log(answer(segment, line));
  } catch (thrown) {
    console.log(thrown instanceof Failure ? thrown.code : String(thrown));
  }
}
