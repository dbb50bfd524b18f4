/**
 * The benchmark of the gateway: each figure as a ratio to a peer in the same run, or beside its limit. `--help` says what can be chosen;
 * README.md one level up says what came out. No time decides the exit code; a request that is not answered well does.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildExecutable } from "../../build/executable.ts";
import { machineText } from "../common/machine.ts";
import { measureGuarded } from "./guarded.ts";
import { measureLua } from "./lua.ts";
import { HAS_NGINX } from "./nginx.ts";
import { type Options, parseOptions } from "./options.ts";
import { measurePlain } from "./plain.ts";
import { measureProcesses } from "./processes.ts";
import { profile } from "./profile.ts";
import { IS_PINNED, type Site } from "./site.ts";
import { measureSlow } from "./slow.ts";
import { measureTranscode } from "./transcode.ts";
import { measureWaf } from "./waf.ts";
import { measureWafProcesses } from "./waf-processes.ts";

type Measurement = (site: Site, options: Options) => Promise<void>;

const MEASUREMENTS: Readonly<Record<Options["only"][number], Measurement>> = {
  plain: measurePlain,
  guarded: measureGuarded,
  processes: measureProcesses,
  transcode: measureTranscode,
  lua: measureLua,
  waf: measureWaf,
  "waf-processes": measureWafProcesses,
  slow: measureSlow,
};

const TOOLS = ["wrk", "h2load"];

async function main(options: Options): Promise<void> {
  const missing = [...TOOLS, "nginx"].filter((each) => (each === "nginx" ? !HAS_NGINX : Bun.which(each) === null));
  if (missing.length > 0) throw new Error(`${missing.join(", ")} required: apt-get install nginx wrk nghttp2-client`);
  const executable = options.executable ?? (await buildExecutable());
  const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  const site: Site = { directory, executable };
  try {
    console.log(machineText(directory));
    console.log(
      IS_PINNED
        ? "who is measured is pinned to one processor, load and upstream to another one\n"
        : "nobody is pinned: ratios say little\n",
    );
    if (options.profile) await profile(site, options);
    else for (const name of options.only) await MEASUREMENTS[name](site, options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") console.log(options);
  else await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
