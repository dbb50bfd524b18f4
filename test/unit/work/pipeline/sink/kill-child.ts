/** Writes batches to a sink, tells each flushed position, and goes on until it is killed. */
import { createSink } from "../../../../../src/work/pipeline/sink/index.ts";
import { killBatch } from "./kill-data.ts";
import { encode } from "./support.ts";

const [kind = "", path = ""] = process.argv.slice(2);
const sink = createSink(kind, { path });
await sink.open(undefined);
for (let i = 0; ; i++) {
  await sink.write(encode(sink, killBatch(i)), `b@${i}`);
  if (i % 3 !== 2) continue;
  const position = await sink.flush();
  await Bun.write(Bun.stdout, `${JSON.stringify({ position, next: i + 1 })}\n`);
}
