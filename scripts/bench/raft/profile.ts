/** Where our time goes: each step on masters of its own, whose runtime writes a CPU profile as they end; the leader's first, then the load's. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hottestFunctions } from "../pipeline/cpu-profile.ts";
import { kvWork } from "./kv/kv.ts";
import { loadOurs as loadKv } from "./kv/ours.ts";
import { Masters } from "./masters.ts";
import type { Options } from "./options.ts";
import { loadOurs as loadQueue } from "./queue/ours.ts";
import { queueWork } from "./queue/queue.ts";
import type { Site } from "./site.ts";

const MASTERS = 3;

type Env = Readonly<Record<string, string>>;

export async function profile(site: Site, { messages, only, stepMs }: Options): Promise<void> {
  const work = kvWork(stepMs);
  if (only.includes("kv")) {
    for (const step of work.steps) {
      const title = `${step.op}, ${step.clients} at once`;
      await profileOne(site, title, (masters, env) => loadKv(masters, "links", { ...work, steps: [step] }, env));
    }
  }
  if (only.includes("queue")) {
    await profileOne(site, "queue", (masters, env) => loadQueue(masters, queueWork(messages), env));
  }
}

async function profileOne(
  site: Site,
  title: string,
  load: (masters: Masters, env: Env) => Promise<unknown>,
): Promise<void> {
  const profiles = join(site.directory, "profiles", title.replaceAll(/[^a-z0-9]+/g, "-"));
  const env = (name: string): Env => {
    mkdirSync(join(profiles, name), { recursive: true });
    return { BUN_OPTIONS: `--cpu-prof --cpu-prof-dir=${join(profiles, name)}` };
  };
  const directory = join(site.directory, "profiled");
  const masters = await Masters.start({ executable: site.executable, directory, size: MASTERS, env });
  let leader = "";
  let result: unknown;
  try {
    leader = await masters.untilWhole();
    result = await load(masters, env("load"));
  } finally {
    await masters[Symbol.asyncDispose]();
  }
  console.log(`${title}: ${JSON.stringify(result)}`);
  for (const name of [leader, "load"]) {
    const who = name === "load" ? "the load" : `${name}, who leads`;
    console.log(`\n${who}:\n${hottestFunctions(join(profiles, name)) || "no profile"}`);
  }
  console.log("");
}
