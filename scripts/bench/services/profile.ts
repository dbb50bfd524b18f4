/** Where our time goes: each load once with 64 in flight, every process of it writing a CPU profile as it ends. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Figures } from "../common/figures.ts";
import { hottestFunctions } from "../pipeline/cpu-profile.ts";
import { httpContestants } from "./http.ts";
import { loadFromNode, loadFromOtherNode, loadFromService } from "./loads.ts";
import type { Options } from "./options.ts";
import type { Site } from "./site.ts";
import { cell, type Step, stepsOf } from "./steps.ts";

const IN_FLIGHT = 64;

type Load = (site: Site, steps: readonly Step[]) => Promise<readonly Figures[]>;

export async function profile(site: Site, { only, "step-ms": ms }: Options): Promise<void> {
  const loads: [string, Load][] = [];
  if (only.includes("local")) loads.push(["from the node itself", loadFromNode], ["from a service", loadFromService]);
  if (only.includes("http")) {
    for (const name of ["contract", "service"]) loads.push([`http, ${name}`, overHttp(name)]);
  }
  if (only.includes("nodes")) loads.push(["from another node", loadFromOtherNode]);
  for (const [title, load] of loads) await profileOne(site, title, load, stepsOf([IN_FLIGHT], ms));
}

function overHttp(name: string): Load {
  return (site, steps) =>
    httpContestants(site)
      .find((each) => each.name === name)!
      .run(steps);
}

async function profileOne(site: Site, title: string, load: Load, steps: readonly Step[]): Promise<void> {
  const folder = (name: string): string => join(site.directory, "profiles", title.replaceAll(/[^a-z]+/g, "-"), name);
  const used = new Set<string>();
  const env = (name: string): Readonly<Record<string, string>> => {
    mkdirSync(folder(name), { recursive: true });
    used.add(name);
    return { BUN_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder(name)}` };
  };
  const [figures] = await load({ ...site, env }, steps);
  console.log(`${title}, ${IN_FLIGHT} in flight: ${cell(figures!)}`);
  for (const name of used) console.log(`\n${name}, and its hosts:\n${hottestFunctions(folder(name)) || "no profile"}`);
  console.log("");
}
