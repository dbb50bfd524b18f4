/** The Lua files and plugins that routes decide by, in processes of their own. */
import { resolve } from "node:path";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { checkRules, RuleBook, type RuleEvent, type RuleFile } from "../../edge/gateway/rule/index.ts";
import type { GatewayPlan, RoutePlan, RouteRules } from "../../edge/gateway/words/index.ts";
import { ruleHostCommand } from "../self.ts";

export interface Rules {
  of(route: RoutePlan): RouteRules | undefined;
  counts(): ReturnType<RuleBook["counts"]> | undefined;
  close(): Promise<void>;
}

/** Fails with `gateway.rule_load` and every fault of every file. */
export async function openRules(plan: GatewayPlan, logger: Logger): Promise<Rules> {
  const files = filesOf(plan);
  const book =
    files.length === 0
      ? undefined
      : await RuleBook.open(
          files,
          optionsOf((event) => tell(logger, event)),
        );
  return {
    of(route) {
      const file = fileOf(route);
      if (!file || !book) return undefined;
      const targets = route.targets.flatMap(({ name }) => (name === "" ? [] : [name]));
      return book.rules(file.path, { targets, timeoutMs: route.options.ruleTimeoutMs });
    },
    counts: () => book?.counts(),
    close: async () => book?.close(),
  };
}

/** Of files that cannot decide: what is wrong, where. */
export async function scriptFaults(plan: GatewayPlan): Promise<readonly ScriptFault[]> {
  const faults = await checkRules(
    filesOf(plan),
    optionsOf(() => {}),
  );
  return faults.map(({ line, message, path }) => ({
    path,
    message: `${path}${line === undefined ? "" : `:${line}`}: ${message}`,
    allowed: "a file whose route(request) can be asked",
  }));
}

export interface ScriptFault {
  /** Absolute. */
  readonly path: string;
  readonly message: string;
  readonly allowed: string;
}

function optionsOf(onEvent: (event: RuleEvent) => void) {
  return { command: ruleHostCommand(), clock: systemClock, onEvent };
}

function filesOf({ routes }: GatewayPlan): readonly RuleFile[] {
  return routes.flatMap((route) => fileOf(route) ?? []);
}

function fileOf({ options: { lua, plugin } }: RoutePlan): RuleFile | undefined {
  if (lua !== undefined) return { kind: "lua", path: resolve(lua) };
  return plugin === undefined ? undefined : { kind: "plugin", path: resolve(plugin) };
}

function tell(logger: Logger, event: RuleEvent): void {
  if (event.kind === "printed") logger.info(`a rule says: ${event.line}`);
  else
    logger[event.isExpected ? "debug" : "warn"]("a host of rules has ended", { pid: event.pid, reason: event.reason });
}
