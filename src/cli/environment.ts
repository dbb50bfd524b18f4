/** Every flag can be given by the environment: `--data-dir` is DISTRIBUTED_SYSTEM_DATA_DIR. What is typed wins. */
import type { ArgsDef } from "citty";

const PREFIX = "DISTRIBUTED_SYSTEM_";

/** Words to put before those that were typed. */
export function environmentDefaults(args: ArgsDef, typed: readonly string[]): string[] {
  return Object.entries(args).flatMap(([name, { type }]) => {
    const value = process.env[PREFIX + name.toUpperCase().replaceAll("-", "_")];
    const isTyped = typed.some(
      (word) => word === `--${name}` || word === `--no-${name}` || word.startsWith(`--${name}=`),
    );
    if (type === "positional" || value === undefined || value === "" || isTyped) return [];
    if (type !== "boolean") return [`--${name}=${value}`];
    return value === "1" || value === "true" ? [`--${name}`] : [];
  });
}
