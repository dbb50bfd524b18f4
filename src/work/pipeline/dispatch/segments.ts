/**
 * How a pipeline is cut for several workers. Stages that keep no order go together, and any worker does them for any batch. A
 * stage that wants its batches in order, keeps a state or may run once only has one owner; neighbours of that kind share him,
 * so that a batch makes one way for all of them. Pure.
 */
import type { StagePlan } from "../stages/index.ts";

export interface StageSegment {
  /** Its place in the pipeline, from 0. */
  readonly index: number;
  readonly plans: readonly StagePlan[];
  /** One worker does all batches. */
  readonly isPinned: boolean;
  /** In the order of their numbers. */
  readonly isSequential: boolean;
  /** The balancer that one of its stages names. */
  readonly balancer: string | undefined;
}

export function cutSegments(stages: readonly StagePlan[]): readonly StageSegment[] {
  const groups: StagePlan[][] = [];
  for (const plan of stages) {
    const group = groups.at(-1);
    if (group && goTogether(group, plan)) group.push(plan);
    else groups.push([plan]);
  }
  return groups.map((plans, index) => ({
    index,
    plans,
    isPinned: isPinned(plans[0]!),
    isSequential: plans.some(({ sequential }) => sequential),
    balancer: plans.find(({ balancer }) => balancer !== undefined)?.balancer,
  }));
}

function isPinned({ exclusive, sequential, stateful }: StagePlan): boolean {
  return sequential || stateful || exclusive;
}

function goTogether(group: readonly StagePlan[], plan: StagePlan): boolean {
  if (isPinned(group[0]!) !== isPinned(plan)) return false;
  const named = group.find(({ balancer }) => balancer !== undefined)?.balancer;
  return isPinned(plan) || named === undefined || plan.balancer === undefined || named === plan.balancer;
}
