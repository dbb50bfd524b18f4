/** Small readers of what the kernel tells in files. Nothing here throws: what cannot be read is undefined. */
import { readFileSync } from "node:fs";

export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // not on this machine, or not for this user
  }
}

export function numberOf(path: string): number | undefined {
  const text = textOf(path)?.trim();
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

/** From the text of /proc/PID/limits; `name` as it stands there, such as `Max open files`. Unlimited is Infinity. */
export function resourceLimit(limits: string, name: string): ResourceLimit | undefined {
  const line = limits.split("\n").find((each) => each.startsWith(`${name} `));
  const found = /^\s*(\d+|unlimited)\s+(\d+|unlimited)/.exec(line?.slice(name.length) ?? "");
  return found ? { soft: limitNumber(found[1]!), hard: limitNumber(found[2]!) } : undefined;
}

function limitNumber(text: string): number {
  return text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text);
}

/** Of this process in a version 1 hierarchy by its controller, or in version 2: the path below the hierarchy's root. */
export function ownGroup(cgroups: string, controller: string | undefined): string | undefined {
  for (const line of cgroups.split("\n")) {
    const [number, controllers, ...path] = line.split(":");
    const fits =
      controller === undefined ? number === "0" && controllers === "" : controllers?.split(",").includes(controller);
    if (fits) return path.join(":");
  }
  return undefined;
}

const ROOT = "/sys/fs/cgroup";

/**
 * The least number in `file` of this process's group and the groups above it: each of them limits it. In a container the
 * hierarchy's root is its own group, whatever path the kernel tells.
 */
export function leastInGroups(
  controller: string,
  files: { readonly v1: string; readonly v2: string },
): number | undefined {
  const cgroups = textOf("/proc/self/cgroup") ?? "";
  const found: number[] = [];
  const first = ownGroup(cgroups, controller);
  const second = ownGroup(cgroups, undefined);
  if (first !== undefined) found.push(...upwards(`${ROOT}/${controller}`, first, files.v1));
  if (second !== undefined) found.push(...upwards(ROOT, second, files.v2));
  return found.length === 0 ? undefined : Math.min(...found);
}

function upwards(root: string, group: string, file: string): number[] {
  const parts = group.split("/").filter((part) => part !== "");
  const paths = parts.map((_, index) => [root, ...parts.slice(0, index + 1), file].join("/"));
  return [`${root}/${file}`, ...paths].map(numberOf).filter((value) => value !== undefined);
}
