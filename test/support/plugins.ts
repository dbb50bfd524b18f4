/** Plugins for tests, as source text: each test reads as what its plugin does to one record. */

export interface PluginParts {
  readonly name?: string;
  /** Module level. */
  readonly top?: string;
  /** Source of the `params` object. */
  readonly params?: string;
  readonly init?: string;
  /** Body of `processBatch(batch, context)`. */
  readonly batch?: string;
  readonly finish?: string;
  readonly snapshot?: string;
  readonly restore?: string;
  readonly cleanup?: string;
  readonly sequential?: true;
  readonly exclusive?: true;
  readonly health?: string;
}

export function plugin(parts: PluginParts): string {
  const { name = "probe", top = "", params = "{}", init = "", batch = "", cleanup = "" } = parts;
  const state = parts.snapshot
    ? `snapshot(context) { ${parts.snapshot} },\n  restore(state, context) { ${parts.restore} },`
    : "";
  const finish = parts.finish ? `async finish(batch, context) { ${parts.finish} },` : "";
  return `import { definePlugin, param } from "distributed-system";
void param;
process.chdir(import.meta.dir); // so that a test finds beside the plugin what it writes
${top}
export default definePlugin({
  info: { name: "${name}", version: "1.0.0", description: "a plugin of the tests" },
  params: ${params},
  async init(context) { ${init} },
  async processBatch(batch, context) { ${batch} },
  async cleanup(context) { ${cleanup} },
  ${parts.sequential ? "sequential: true," : ""}
  ${parts.exclusive ? "exclusive: true," : ""}
  ${parts.health ? `async health(context) { ${parts.health} },` : ""}
  ${finish}
  ${state}
});
`;
}

/** Passes every record on, but does this to each: `row` is the record, `batch` its batch. */
export function perRecord(body: string, more: PluginParts = {}): string {
  return plugin({ ...more, batch: `for (const row of batch) { ${body} }` });
}

/** Keeps the processor busy, so that a test can strike in the middle. Not a sleep: a real plugin computes. */
export const BUSY = "function busy(ms) { const end = performance.now() + ms; while (performance.now() < end); }";

/**
 * Takes a moment for each batch, and lets nothing from record `stop_at` on through before the file `gate` exists: a run can
 * be caught in its middle, on any machine.
 */
export const GATE = plugin({
  top: `import { existsSync } from "node:fs";\n${BUSY}`,
  params: `{
    gate: param.string("a file", { required: true }),
    stop_at: param.integer("an id", { required: true }),
    field: param.string("which field is the id", { default: "id" }),
  }`,
  batch: `const { gate, stop_at, field } = context.params;
    busy(2);
    if (batch.column(field).number(0) >= stop_at) while (!existsSync(gate)) await Bun.sleep(2);`,
});
