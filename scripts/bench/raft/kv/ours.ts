/**
 * Three masters of ours. The load is a program as any other: a node of the cluster with its links, or a client that asks by HTTP;
 * each put goes through a session, so that it is done once whatever gets lost.
 */
import { join } from "node:path";
import type { Figures } from "../../common/figures.ts";
import { resultOf } from "../contestant.ts";
import { Masters } from "../masters.ts";
import type { Site } from "../site.ts";
import type { KvContestant, KvWork } from "./work.ts";

export const VIAS = ["links", "http"] as const;
export type Via = (typeof VIAS)[number];

const MASTERS = 3;
const LABELS: Readonly<Record<Via, string>> = {
  links: "ours, node.data over links, sessions",
  http: "ours, connectData over HTTP, sessions",
};

export function ours(site: Site): readonly KvContestant[] {
  return VIAS.map((via) => ({
    name: `ours-${via}`,
    label: LABELS[via],
    async run(work) {
      const directory = join(site.directory, `ours-${via}`);
      await using masters = await Masters.start({ executable: site.executable, directory, size: MASTERS });
      return await loadOurs(masters, via, work);
    },
  }));
}

/** A client by HTTP asks the leader: there it is given all addresses, the leader's first. */
export async function loadOurs(
  masters: Masters,
  via: Via,
  work: KvWork,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Figures[]> {
  const leader = masters.addressOf(await masters.untilWhole());
  const endpoints = [leader, ...masters.addresses.filter((each) => each !== leader)];
  const words = JSON.stringify({ ...work, via, endpoints, dataDir: masters.dataDir });
  return resultOf<readonly Figures[]>([process.execPath, join(import.meta.dir, "ours-load.ts"), words], env);
}
