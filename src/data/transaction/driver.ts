/**
 * Drives a transaction through two-phase commit: begin, prepare all, decide, carry the decision to all, finished. Every step is a
 * command that may be lost, done twice or done by several drivers at once: the groups' answers make it the same. So whoever dies
 * half-way leaves nothing worse than work for `recover`. The order is what carries the promise: nobody prepares before the record is
 * there, nobody commits before the decision is, and the record goes only when all have finished.
 */
import { Failure, toFailure } from "../../base/errors.ts";
import type { Decision, DistributedReply, OperationReply, TwoPhaseCommand } from "../words/index.ts";
import type { Part } from "./part.ts";
import type { DueTransactions } from "./transactions.ts";

export interface DriverPorts {
  /** The group's answer, after its log has it. Throws a refusal or what went wrong on the way; then it may have been done or not. */
  propose(group: string, command: TwoPhaseCommand, signal: AbortSignal): Promise<DistributedReply>;
}

export interface DistributedPlan {
  /** Unique for ever. Run again under the same id, it is the same transaction. */
  readonly id: string;
  /** The group that keeps the record; often one of those that take part. */
  readonly coordinator: string;
  readonly parts: ReadonlyMap<string, Part>;
  /** Undecided for so long, it is aborted. */
  readonly timeoutMs: number;
}

export interface DistributedResult {
  readonly decision: Decision;
  /** Why it was aborted, when this run knows, and whether a new transaction may do better. */
  readonly reason?: string;
  readonly retryable?: boolean;
  /** Of a commit, from those that carried it out in this run. */
  readonly replies: ReadonlyMap<string, readonly OperationReply[]>;
  /** They have not heard the decision yet: the coordinator's leader will tell them. */
  readonly unfinished: readonly string[];
}

/** What speaks against it. */
interface Objection {
  readonly reason: string;
  readonly retryable: boolean;
}

/**
 * The decision, once there is one. Throws when there is none that is known: nothing has been promised then, and the same id may be
 * run again to learn it (`data.distributed.undecided`).
 */
export async function runDistributed(
  plan: DistributedPlan,
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<DistributedResult> {
  const { coordinator, id, parts, timeoutMs } = plan;
  const participants = [...parts.keys()];
  const begun = await ports.propose(coordinator, { type: "distributed.begin", id, participants, timeoutMs }, signal);
  const objection = begun.decision === undefined ? await prepareAll(plan, ports, signal) : undefined;
  const decision = begun.decision ?? (await decide(plan, objection ? "abort" : "commit", ports, signal));
  const replies = new Map<string, readonly OperationReply[]>();
  const unfinished: string[] = [];
  const carried = await Promise.allSettled(
    participants.map((group) => carryOut({ id, coordinator, group, decision }, ports, signal)),
  );
  for (const [at, outcome] of carried.entries()) {
    const group = participants[at]!;
    if (outcome.status === "rejected") unfinished.push(group);
    else if (outcome.value !== undefined) replies.set(group, outcome.value);
  }
  throwContradictions(carried);
  return { decision, ...(decision === "abort" && (objection ?? TOO_LATE)), replies, unfinished };
}

const TOO_LATE: Objection = { reason: "it was not decided in time, or aborted by somebody else", retryable: true };

/** Undefined: all are prepared. */
async function prepareAll(
  plan: DistributedPlan,
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<Objection | undefined> {
  const { coordinator, id, parts, timeoutMs } = plan;
  const answers = await Promise.allSettled(
    Array.from(parts, async ([group, part]): Promise<Objection | undefined> => {
      const command = { type: "distributed.prepare", id, coordinator, part, timeoutMs } as const;
      const { state, reason = "it was aborted there", retryable = true } = await ports.propose(group, command, signal);
      // Committed: another driver of this transaction was faster.
      return state === "prepared" || state === "committed" ? undefined : { reason: `${group}: ${reason}`, retryable };
    }),
  );
  const objections = answers.map((answer) =>
    answer.status === "fulfilled" ? answer.value : objectionOf(answer.reason),
  );
  // One that no new transaction can overcome says more than one that passes.
  return objections.find((each) => each?.retryable === false) ?? objections.find((each) => each !== undefined);
}

function objectionOf(thrown: unknown): Objection {
  const { message, retryable } = toFailure(thrown, "data.distributed.prepare");
  return { reason: message, retryable };
}

/** The first decision stands, which may be another one. */
async function decide(
  plan: DistributedPlan,
  wanted: Decision,
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<Decision> {
  const { coordinator, id } = plan;
  try {
    const { decision } = await ports.propose(coordinator, { type: "distributed.decide", id, decision: wanted }, signal);
    return decision ?? "abort";
  } catch (thrown) {
    throw new Failure(
      "data.distributed.undecided",
      `deciding transaction ${id}: ${toFailure(thrown, "data.distributed.decide").message}; run again under its id it tells the outcome`,
      { retryable: true, cause: thrown },
    );
  }
}

interface Errand {
  readonly id: string;
  readonly coordinator: string;
  readonly group: string;
  readonly decision: Decision;
}

/** The participant carries it out, then the coordinator hears of it: so no record goes too early. */
async function carryOut(
  { id, coordinator, group, decision }: Errand,
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<readonly OperationReply[] | undefined> {
  const reply = await ports.propose(group, { type: `distributed.${decision}`, id }, signal);
  // Unknown: carried out so long ago that it is forgotten there.
  if (reply.decision !== undefined && reply.decision !== decision) throw contradiction(id, group, decision);
  await ports.propose(coordinator, { type: "distributed.finished", id, participant: group }, signal);
  return reply.replies;
}

const CONTRADICTION = "data.distributed.contradiction";

function contradiction(id: string, group: string, decision: Decision): Failure {
  return new Failure(
    CONTRADICTION,
    `transaction ${id}: ${group} has ended it otherwise than decided, ${decision} is required: a command was sent out of order`,
  );
}

/** A promise is broken: that is told at once, whatever else went well. */
function throwContradictions(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  for (const outcome of outcomes) {
    if (outcome.status === "rejected" && outcome.reason instanceof Failure && outcome.reason.code === CONTRADICTION) {
      throw outcome.reason;
    }
  }
}

export interface Recovery {
  /** Participants that have carried a decision out. */
  readonly settled: number;
  /** The others, each with what went wrong: the next recovery takes them again. */
  readonly failures: readonly Failure[];
}

/**
 * Drives on what a group's leader finds due (`DistributedTransactions.due`), `group` being its own, all of it at the same time. Any
 * leader may do so at any time, several at once: decisions are asked for or known, never made up, but for those parts that have waited too long for any.
 */
export async function recover(
  group: string,
  { unfinished, inDoubt }: DueTransactions,
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<Recovery> {
  const outcomes = await Promise.allSettled([
    ...unfinished.flatMap(({ id, decision, groups }) =>
      groups.map((each) => carryOut({ id, coordinator: group, group: each, decision }, ports, signal)),
    ),
    ...inDoubt.map(({ id, coordinator }) => resolve({ id, coordinator, group }, ports, signal)),
  ]);
  const rejected = outcomes.filter((outcome) => outcome.status === "rejected");
  const failures = rejected.map(({ reason }) => toFailure(reason, "data.distributed.recover"));
  return { settled: outcomes.length - rejected.length, failures };
}

/** A part whose time is over asks for an abort, and takes whatever the coordinator has decided. */
async function resolve(
  { id, coordinator, group }: Omit<Errand, "decision">,
  ports: DriverPorts,
  signal: AbortSignal,
): Promise<void> {
  const { decision } = await ports.propose(coordinator, { type: "distributed.decide", id, decision: "abort" }, signal);
  await carryOut({ id, coordinator, group, decision: decision ?? "abort" }, ports, signal);
}
