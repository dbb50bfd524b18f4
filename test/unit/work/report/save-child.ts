/** Saves one report again and again, each time with one more retry, and tells the parent after each: to be killed. */
import { systemClock } from "../../../../src/base/clock.ts";
import { ReportBuilder, ReportStore } from "../../../../src/work/report/index.ts";
import { subject } from "./support.ts";

const store = ReportStore.open(process.argv[2]!);
const builder = ReportBuilder.begin(subject, systemClock);
for (let index = 0; index < 200; index++)
  builder.observe({ type: "done", id: `${index}`, node: "n".repeat(99), ms: index });
const out = Bun.stdout.writer();
for (let saved = 1; ; saved++) {
  builder.observe({ type: "retry" });
  store.save(builder.snapshot());
  out.write(`${saved}\n`);
  await out.flush();
}
