/** What other parts tell of themselves, as the overview shows it: services with their calls, Raft groups, dead letters. Pure. */
import { Histogram } from "../../base/histogram.ts";
import type { DeadLettersView, GroupView, ServiceView } from "../../edge/dashboard/index.ts";
import type { LettersOfPipeline } from "../dead-letter/dead-letter-contract.ts";

/** A version of a service on a node. */
export interface OfferedPlace {
  readonly node: string;
  readonly service: string;
  readonly version: string;
  readonly healthy: number;
}

/** Of one method, counted by this node's callers. */
export interface CountedCalls {
  readonly service: string;
  readonly calls: number;
  readonly failed: number;
  readonly latency: Histogram;
}

/** By name; what was called and is offered no more is left out. */
export function serviceViews(places: readonly OfferedPlace[], counted: readonly CountedCalls[]): ServiceView[] {
  const byName = Map.groupBy(places, ({ service }) => service);
  const views = [...byName].map(([name, offered]) => ({
    name,
    versions: distinct(offered.map(({ version }) => version)),
    nodes: distinct(offered.map(({ node }) => node)),
    healthy: offered.reduce((total, { healthy }) => total + healthy, 0),
    ...callsOf(counted.filter(({ service }) => service === name)),
  }));
  return views.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function callsOf(counted: readonly CountedCalls[]): Pick<ServiceView, "calls" | "errors" | "p50Ms" | "p99Ms"> {
  const latency = new Histogram();
  for (const each of counted) latency.merge(each.latency);
  const totals = {
    calls: counted.reduce((total, { calls }) => total + calls, 0),
    errors: counted.reduce((total, { failed }) => total + failed, 0),
  };
  return latency.total === 0 ? totals : { ...totals, p50Ms: latency.quantileMs(0.5), p99Ms: latency.quantileMs(0.99) };
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

export interface GroupStatusLike extends Omit<GroupView, "members"> {
  readonly members: readonly unknown[];
}

export function groupView({ members, ...status }: GroupStatusLike): GroupView {
  const { applied, commit, damage, group, leader, logBytes, role, term } = status;
  const known = { ...(leader !== undefined && { leader }), ...(damage !== undefined && { damage }) };
  return { group, role, term, commit, applied, logBytes, members: members.length, ...known };
}

/** Of pipelines that have some. */
export function letterViews(
  pipelines: readonly Pick<LettersOfPipeline, "pipeline" | "letters" | "groups">[],
): DeadLettersView[] {
  return pipelines
    .filter(({ letters }) => letters > 0)
    .map(({ groups, letters, pipeline }) => ({
      pipeline,
      total: letters,
      reasons: groups.map(({ count, reason, stage }) => ({ stage, reason, count })),
    }));
}
