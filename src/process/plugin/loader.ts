/**
 * Loads a plugin's module inside a host and refuses, in words, whatever is not a complete definition for this contract.
 * `distributed-system` is served from memory, so a plugin file needs no node_modules.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import type { PluginPackage } from "../../sdk/index.ts";
import * as sdk from "../../sdk/index.ts";

export const IDENTITY_LIBRARY = "builtin:identity";

const OPERATIONS = ["init", "processBatch", "cleanup"] as const;
const OPTIONAL_OPERATIONS = ["check", "snapshot", "restore", "finish", "health", "select"] as const;
const FLAGS = ["sequential", "exclusive"] as const;
const PARAM_KINDS = [
  "string",
  "integer",
  "number",
  "boolean",
  "duration",
  "size",
  "list",
  "path",
  "paths",
  "file",
  "choice",
];

/** Passes batches on. It stands in for the stages of a pipeline that has none: something must parse and format. */
const identity = sdk.definePlugin({
  info: { name: "identity", version: "1.0.0", description: "passes every record on" },
  params: {},
  init() {},
  processBatch() {},
  cleanup() {},
});

/** The SDK of services brings a schema library along: it is loaded when a module imports it. */
export function provideSdk(): void {
  Bun.plugin({
    name: "distributed-system sdk",
    setup(builder) {
      builder.module("distributed-system", () => ({ exports: { ...sdk, default: sdk }, loader: "object" }));
      builder.module("distributed-system/service", async () => {
        const service = await import("../../sdk/service/index.ts");
        return { exports: { ...service, default: service }, loader: "object" };
      });
    },
  });
}

/** The definition in the module at the absolute path. Fails with `plugin.load` or `plugin.definition`. */
export async function loadPlugin(library: string): Promise<PluginPackage> {
  if (library === IDENTITY_LIBRARY) return identity as unknown as PluginPackage; // its schema is empty: any context fits
  const module = await importModule(library);
  const fault = definitionFault(module.default);
  if (fault) throw new Failure("plugin.definition", `${library} is not a plugin: ${fault}`);
  return module.default as PluginPackage; // every member was checked above
}

async function importModule(library: string): Promise<{ default?: unknown }> {
  try {
    return await import(library);
  } catch (thrown) {
    throw new Failure("plugin.load", `cannot load ${library}: ${describe(thrown)}`, { cause: thrown });
  }
}

function describe(thrown: unknown): string {
  const place = thrown instanceof Error ? /\(?(\S+:\d+:\d+)\)?\s*$/m.exec(thrown.stack ?? "")?.[1] : undefined;
  const errors = thrown instanceof AggregateError ? thrown.errors.map(messageOf).join("; ") : messageOf(thrown);
  return place ? `${errors} (at ${place})` : errors;
}

/** Why a module's default export cannot be a plugin, or undefined when it can. */
export function definitionFault(value: unknown): string | undefined {
  if (!isObject(value)) return "it has no default export made by definePlugin({ … })";
  if (value.api !== sdk.PLUGIN_API_VERSION) {
    const made = value.api === undefined ? "was not made by definePlugin" : `is for plugin API ${String(value.api)}`;
    return `its definition ${made}; this program serves plugin API ${sdk.PLUGIN_API_VERSION}`;
  }
  return operationFault(value) ?? infoFault(value.info) ?? paramsFault(value.params);
}

function operationFault(value: Record<string, unknown>): string | undefined {
  const missing = OPERATIONS.filter((name) => typeof value[name] !== "function");
  if (missing.length > 0) return `it lacks the operation ${missing.join(", ")}; required are ${OPERATIONS.join(", ")}`;
  const wrong = OPTIONAL_OPERATIONS.filter((name) => value[name] !== undefined && typeof value[name] !== "function");
  if (wrong.length > 0) return `${wrong.join(", ")} must be a function`;
  if ((value.snapshot === undefined) !== (value.restore === undefined)) {
    return "it has only one of snapshot and restore; a plugin with state needs both";
  }
  const flag = FLAGS.find((name) => value[name] !== undefined && typeof value[name] !== "boolean");
  return flag && `${flag} must be true or false`;
}

function infoFault(info: unknown): string | undefined {
  if (!isObject(info)) return "it lacks info: { name, version, description }";
  if (typeof info.name !== "string" || !/^[a-z0-9][a-z0-9_-]{0,63}$/.test(info.name)) {
    return `info.name is ${JSON.stringify(info.name)}; required are 1 to 64 of a-z, 0-9, - and _`;
  }
  if (typeof info.version !== "string" || !/^\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)*$/.test(info.version)) {
    return `info.version is ${JSON.stringify(info.version)}; required is a semantic version such as 1.0.0`;
  }
  return typeof info.description === "string" ? undefined : "info.description must be a text";
}

function paramsFault(params: unknown): string | undefined {
  if (!isObject(params)) return "it lacks params: { … } (an empty object when it takes none)";
  for (const [name, spec] of Object.entries(params)) {
    if (!isObject(spec) || !PARAM_KINDS.includes(spec.kind as string)) {
      return `the parameter ${name} was not made by param.${PARAM_KINDS.join(", param.")}`;
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
