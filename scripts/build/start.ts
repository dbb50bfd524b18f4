/** `npm start`: builds what is missing, then runs the pipeline that is shipped. Further arguments go to `run`. */
import { join } from "node:path";
import { buildExecutable } from "./executable.ts";
import { buildPlugins } from "./plugins.ts";

const ROOT = join(import.meta.dir, "..", "..");

const executable = await buildExecutable();
await buildPlugins("all");
const args = ["run", "config/basic_pipeline.txt", "--fresh", ...process.argv.slice(2)];
const child = Bun.spawn([executable, ...args], { cwd: ROOT, stdio: ["inherit", "inherit", "inherit"] });

// A terminal sends SIGINT to the child as well; passing it on would be a second one, which means "at once".
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
process.exit(await child.exited);
