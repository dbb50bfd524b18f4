/** The attempts of one call or stream: where, how often, after which pause, until one is answered or nothing more may be tried. */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { backoffDelayMs } from "../../../protocol/retry/index.ts";
import type { DoorCall } from "../words/index.ts";
import type { Attempts } from "./attempt.ts";
import type { Group, MethodEntry, Picked } from "./group.ts";
import type { Groups } from "./groups.ts";
import { BACKOFF, BLAMED_FROM_MS, EMPTY_WAITS_MAX, RETRIES_DEFAULT, RETRIES_MAX } from "./limits.ts";
import { judge, type Outcome, tellable } from "./outcome.ts";

export interface AskingPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly groups: Groups;
  readonly attempts: Attempts;
}

export interface Asked {
  readonly call: DoorCall;
  readonly entry: MethodEntry;
  readonly group: Group;
  /** On the monotonic clock. */
  readonly dueMs: number;
}

/** What has been tried of one call. */
interface Trail {
  group: Group;
  attempt: number;
  /** Nodes of this round; in the next one all may be asked again. */
  tried: Set<string> | undefined;
  /** Pauses in which nobody was there to be asked. */
  waits: number;
}

export class Asking {
  readonly #ports: AskingPorts;

  constructor(ports: AskingPorts) {
    this.#ports = ports;
  }

  /** The answer, or what became of the last attempt; it takes a place in the service's bulkhead as long as that lasts. */
  async call(asked: Asked): Promise<Uint8Array | Outcome> {
    const { call, dueMs, entry, group } = asked;
    const { attempts, clock } = this.#ports;
    const refusal = group.service.admit(entry.what);
    if (refusal) return judge(refusal, entry.what, "", false);
    const trail: Trail = { group, attempt: 1, tried: undefined, waits: 0 };
    try {
      for (;;) {
        const nowMs = clock.monotonic();
        const picked = dueMs > nowMs ? trail.group.pick(call, trail.tried, nowMs) : undefined;
        let outcome: Outcome | undefined;
        if (picked) {
          trail.group.started(picked, nowMs);
          try {
            return await attempts.call(picked.target.place, call, dueMs - nowMs);
          } catch (thrown) {
            outcome = judge(thrown, entry.what, picked.target.id, isFair(asked, nowMs));
          } finally {
            this.#ended(trail.group, picked, outcome, nowMs);
          }
        } else outcome = this.#unpicked(asked, trail, nowMs);
        if (!(await this.#again(asked, trail, outcome, picked?.target.id))) return outcome;
      }
    } finally {
      group.service.leave();
    }
  }

  /** Another attempt only as long as nothing was given. */
  async *stream(asked: Asked): AsyncGenerator<Uint8Array, void, undefined> {
    const { call, dueMs, entry } = asked;
    const trail: Trail = { group: asked.group, attempt: 1, tried: undefined, waits: 0 };
    for (;;) {
      const nowMs = this.#ports.clock.monotonic();
      const picked = dueMs > nowMs ? trail.group.pick(call, trail.tried, nowMs) : undefined;
      let isFlowing = false;
      let outcome: Outcome | undefined;
      if (!picked) outcome = this.#unpicked(asked, trail, nowMs);
      else {
        trail.group.started(picked, nowMs);
        try {
          for await (const item of this.#ports.attempts.stream(picked.target.place, call, dueMs - nowMs)) {
            if (!isFlowing) trail.group.flows(picked, this.#ports.clock.monotonic());
            isFlowing = true;
            yield item;
          }
          return;
        } catch (thrown) {
          outcome = judge(thrown, entry.what, picked.target.id, isFair(asked, nowMs));
        } finally {
          this.#ended(trail.group, picked, outcome, nowMs);
        }
      }
      if (isFlowing || !(await this.#again(asked, trail, outcome, picked?.target.id))) throw tellable(outcome.failure);
    }
  }

  #ended(group: Group, picked: Picked, outcome: Outcome | undefined, startMs: number): void {
    const nowMs = this.#ports.clock.monotonic();
    group.ended(picked, outcome, nowMs - startMs, nowMs);
  }

  /** Whether to go on, after the pause that is due. */
  async #again(asked: Asked, trail: Trail, outcome: Outcome, node?: string): Promise<boolean> {
    const { call, dueMs, entry } = asked;
    const { clock, groups, random } = this.#ports;
    const nowMs = clock.monotonic();
    const isJustEmpty = node === undefined && mayWait(entry, trail) && trail.group.isJustEmpty(nowMs);
    if (call.signal?.aborted || !(isJustEmpty || mayAgain(asked, trail.attempt, outcome, node))) return false;
    if (node !== undefined) trail.tried = (trail.tried ?? new Set()).add(node);
    trail.group = groups.find(call.service, nowMs) ?? trail.group;
    const isFresh = trail.tried !== undefined && trail.group.hasOthers(call, trail.tried, nowMs);
    if (!isFresh) trail.tried = undefined;
    const pauseMs = isFresh ? 0 : backoffDelayMs(BACKOFF, trail.attempt, random);
    if (nowMs + pauseMs >= dueMs) return false;
    if (!outcome.isUnsent && !trail.group.service.budget.take(nowMs)) {
      entry.tally.unbudgeted++;
      return false;
    }
    if (pauseMs > 0) await pause(clock, pauseMs, call.signal);
    if (call.signal?.aborted) return false;
    if (isJustEmpty) trail.waits++;
    else trail.attempt++;
    trail.group = groups.find(call.service, clock.monotonic()) ?? trail.group;
    entry.tally.retries++;
    return true;
  }

  /** No time, or nobody to be asked. */
  #unpicked({ call, dueMs, entry }: Asked, { group }: Trail, nowMs: number): Outcome {
    if (nowMs >= dueMs) {
      const failure = new Failure("rpc.deadline_exceeded", `${entry.what} was not begun: its time is up`);
      return { failure, begun: false, isUnsent: true, verdict: "cancelled", isOfFramework: true };
    }
    const message = `${entry.what} was not begun: ${group.whyNobody(call)}`;
    const failure = new Failure(NOBODY, message, { retryable: true });
    return { failure, begun: false, isUnsent: true, verdict: "cancelled", isOfFramework: true };
  }
}

const NOBODY = "service.unavailable";

/** For the last place, which has only just gone. */
function mayWait({ description }: Asked["entry"], { waits }: Trail): boolean {
  return !description.fallback && waits < EMPTY_WAITS_MAX;
}

/** Where nobody can be asked, a fallback is better than waiting for somebody to come. */
function mayAgain({ call, entry }: Asked, attempt: number, outcome: Outcome, node: string | undefined): boolean {
  const { begun, failure, isOfFramework } = outcome;
  const { fallback, isIdempotent, retries = RETRIES_DEFAULT } = entry.description;
  if (attempt > Math.min(retries, RETRIES_MAX)) return false;
  if (node === undefined && fallback) return false;
  if (!begun) return isOfFramework;
  return (isIdempotent || call.isIdempotent === true) && (isOfFramework || failure.retryable);
}

/** Whether whoever does not answer in the time that was left is to blame for it. */
function isFair({ dueMs, entry }: Asked, nowMs: number): boolean {
  return dueMs - nowMs >= Math.min(BLAMED_FROM_MS, entry.description.timeoutMs ?? Number.POSITIVE_INFINITY);
}
