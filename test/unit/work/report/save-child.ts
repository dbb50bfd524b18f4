/** `FILE ID TIMES`: saves one report so often, each time with one more retry, and tells the parent after each one. */
import { systemClock } from "../../../../src/base/clock.ts";
import { ReportBuilder, ReportStore } from "../../../../src/work/report/index.ts";
import { subject } from "./support.ts";

const [file, id, times] = process.argv.slice(2) as [string, string, string];
const store = ReportStore.open(file);
const builder = ReportBuilder.begin({ ...subject, id }, systemClock);
for (let index = 0; index < 200; index++) {
  builder.observe({ type: "done", id: `${index}`, node: "n".repeat(99), ms: index });
}
const out = Bun.stdout.writer();
for (let saved = 1; saved <= Number(times); saved++) {
  builder.observe({ type: "retry" });
  store.save(builder.snapshot());
  out.write(`${saved}\n`);
  await out.flush();
}
store.close();
