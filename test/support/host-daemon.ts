/** A daemon for tests that kill it: one host of the module given, with a memory limit and a directory. Says `ready PID INSTANCE`. */
import { systemClock } from "../../src/base/clock.ts";
import { hostKeeper } from "../../src/process/limits/index.ts";
import { HostProcess } from "../../src/process/plugin/index.ts";
import { REAL } from "./hosts.ts";
import { until } from "./until.ts";

const [library = "", workDirectory = ""] = process.argv.slice(2);

const { host } = await HostProcess.load({
  command: REAL,
  request: { library, pipeline: "test", run: "test", stage: "stage", lane: 0 },
  handlers: { message() {}, exit() {}, output: (_stream, line) => console.error(line) },
  clock: systemClock,
  timeoutMs: 20_000,
  limits: { memoryBytes: 2 ** 30 },
  workDirectory,
});
const { warden, instance } = hostKeeper(systemClock);
await until("there is a warden", () => warden.pid !== undefined);
console.log(`ready ${host.pid} ${instance} ${warden.pid}`);
