/** What running masters say of the groups that keep the data. Pure: answers in, words out. */
import { type Diagnosis, ok, unknown, warn } from "./check.ts";

export interface GroupFacts {
  readonly group: string;
  readonly leader?: string | undefined;
  readonly durability: string;
  readonly damage?: string | undefined;
}

export interface MasterFacts {
  readonly name: string;
  /** What it answers, or why it gives no answer. */
  readonly groups: readonly GroupFacts[] | { readonly failure: string };
}

interface Complaint {
  readonly found: string;
  readonly advice: string;
}

export function judgeMasters(masters: readonly MasterFacts[]): Diagnosis {
  if (masters.length === 0) return ok("no master runs here");
  const complaints = masters.flatMap(complaintsOf);
  if (complaints.length > 0) {
    const advice = [...new Set(complaints.map((each) => each.advice))];
    return warn(complaints.map(({ found }) => found).join("; "), advice.join("; "));
  }
  const silent = masters.flatMap(({ groups, name }) => ("failure" in groups ? [`${name}: ${groups.failure}`] : []));
  if (silent.length > 0) return unknown(silent.join("; "));
  const groups = masters.flatMap((each) => ("failure" in each.groups ? [] : each.groups));
  return ok(
    `${counted(masters.length, "master")} with ${counted(groups.length, "group")}: led, undamaged, durable when acknowledged`,
  );
}

function complaintsOf({ groups, name }: MasterFacts): Complaint[] {
  if ("failure" in groups) return [];
  return groups.flatMap(({ damage, durability, group, leader }) => {
    const where = `group ${group} at ${name}`;
    const complaints: Complaint[] = [];
    if (damage !== undefined) {
      complaints.push({
        found: `${where}: ${damage}`,
        advice: "look with raft status and raft verify at what is damaged",
      });
    }
    if (durability !== "fsync") {
      complaints.push({
        found: `${where} is ${durability}: a power cut loses what was acknowledged last`,
        advice: "start masters with --durability fsync where that matters",
      });
    }
    if (leader === undefined) {
      complaints.push({
        found: `${where} knows of no leader`,
        advice: "see with raft status which masters are missing",
      });
    }
    return complaints;
  });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
