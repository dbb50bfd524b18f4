/** Loads a plugin in a host of its own to learn what it is; its code never runs in this process. */
import { existsSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { Failure, toFailure } from "../base/errors.ts";
import { HostProcess, type LoadedMessage } from "../process/plugin/index.ts";
import type { ParamFault } from "../sdk/index.ts";
import { hostCommand } from "./self.ts";
import { contentHash } from "./watch-files.ts";

export interface InspectedPlugin {
  readonly loaded: LoadedMessage;
  /** Of the file's content; what it imports does not count. */
  readonly revision: string;
  /** What the plugin itself finds wrong with converted parameters. */
  check(params: Readonly<Record<string, unknown>>): Promise<readonly ParamFault[]>;
  close(): Promise<void>;
}

/** Fails with `plugin.not_found`, `plugin.load`, `plugin.definition`, `plugin.load_timeout` or `plugin.exited`. */
export async function inspectPlugin(
  library: string,
  timeoutMs: number,
  passEnv: readonly string[] = [],
): Promise<InspectedPlugin> {
  if (!existsSync(library)) throw new Failure("plugin.not_found", `${library} does not exist`);
  const lines: string[] = [];
  const handlers = {
    message() {},
    exit() {},
    output: (_stream: string, line: string) => void lines.push(line),
  };
  const request = { library, pipeline: "check", run: "check", stage: "check", lane: 0 };
  try {
    const revision = contentHash(library); // before it is loaded: what is saved meanwhile is another one
    const opened = await HostProcess.load({
      command: hostCommand(),
      request,
      handlers,
      clock: systemClock,
      timeoutMs,
      passEnv,
    });
    const { host, loaded } = opened;
    return {
      loaded,
      revision,
      check: async (params) => (loaded.checks ? host.check(params, timeoutMs) : []),
      async close() {
        host.kill("is not needed any more");
        await host.exited;
      },
    };
  } catch (thrown) {
    const failure = toFailure(thrown, "plugin.load");
    const said =
      failure.code === "plugin.exited" && lines.length > 0 ? `; it said: ${lines.slice(-3).join(" | ")}` : "";
    throw new Failure(failure.code, failure.message + said, { cause: thrown });
  }
}
