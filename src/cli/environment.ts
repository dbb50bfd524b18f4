/**
 * Every flag can be given by the environment: `--data-dir` is DISTRIBUTED_SYSTEM_DATA_DIR, and P2P_DATA_DIR where that is not
 * set, for those who come from a system with such names. What is typed wins.
 */
import type { ArgsDef } from "citty";

const PREFIXES = ["DISTRIBUTED_SYSTEM_", "P2P_"];

/** Words to put before those that were typed. */
export function environmentDefaults(args: ArgsDef, typed: readonly string[]): string[] {
  return Object.entries(args).flatMap(([name, { type }]) => {
    const variable = name.toUpperCase().replaceAll("-", "_");
    const value = PREFIXES.map((prefix) => process.env[prefix + variable]).find((each) => each);
    const isTyped = typed.some(
      (word) => word === `--${name}` || word === `--no-${name}` || word.startsWith(`--${name}=`),
    );
    if (type === "positional" || value === undefined || value === "" || isTyped) return [];
    if (type !== "boolean") return [`--${name}=${value}`];
    return value === "1" || value === "true" ? [`--${name}`] : [];
  });
}
