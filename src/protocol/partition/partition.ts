/**
 * Split brain resolver: every node is told who is reachable and who is not, and each decides alone whether its side goes on
 * and whom it gives up, so that of two sides with complementary views at most one goes on.
 *
 * The idea is dynamic voting. A node keeps the set that its side *agreed* on last; those downed leave it. Whoever is new or
 * comes back is on trial: while somebody is missing, both the agreed set and the set with those on trial must be won (as in
 * Raft's joint consensus), and when nobody is missing for long enough they are agreed on. Who is down, or has just
 * started, takes no part in votes: it is up again when nobody is missing, or when a reachable member is up that
 * misses nobody. Whom it gives up it tells later by a margin, and only when they have not come back meanwhile: the other
 * side goes down first. Not here: finding out who is reachable, ending anything, telling others the standing.
 */
import type { Machine, Tick } from "../../base/machine.ts";
import { assertValidPartition, type PartitionOptions } from "./options.ts";
import { type Counted, DEFAULT_RULES, judge, type PartitionRules, type Verdict } from "./strategies.ts";

export type PartitionStatus = "up" | "down";

/** What a node tells others of itself; optional, but without it a node that was down comes back only to a whole cluster. */
export interface Standing {
  readonly status: PartitionStatus;
  /** False: it has just started and was never part of a decision. */
  readonly isSettled: boolean;
  /** It is up by a decision that nothing has put in doubt since. */
  readonly isVoter: boolean;
  /** It misses nobody: whoever is unreachable to it has been given up. */
  readonly isWhole: boolean;
}

export interface ViewMember extends Counted {
  readonly state: "up" | "unreachable";
  /** The last it said, when it is reachable. */
  readonly standing?: Standing | undefined;
  /** When this node itself last heard from it, on the machine's clock; left out, it counts as heard from just now. */
  readonly heardMs?: number | undefined;
}

/** All members but those that left; the node itself may be among them. */
export interface PartitionView {
  readonly type: "view";
  readonly members: readonly ViewMember[];
}

export type PartitionInput = PartitionView;

export interface PartitionEffect {
  readonly type: "decision";
  readonly self: PartitionStatus;
  /** Whom this decision gives up, in the order of ids: their work may be taken over. */
  readonly down: readonly string[];
  readonly reason: string;
}

export interface PartitionState {
  readonly self: Standing & { readonly reason: string };
  /** Members given up and not seen since. */
  readonly downed: readonly string[];
  /** Since when the view stands still. */
  readonly stableSinceMs: number;
  /** Members that are unreachable and not given up. */
  readonly missing: readonly string[];
}

/** A decision that is not borne out waits so many times as long as others: by then detectors have long found out. */
const HELD_TURNS_MAX = 6;

const NOTHING: readonly PartitionEffect[] = [];

export class Partition implements Machine<PartitionInput, PartitionEffect> {
  readonly #self: Counted;
  readonly #options: PartitionOptions;
  readonly #rules: PartitionRules;
  readonly #marginMs: number;
  #view: ReadonlyMap<string, ViewMember>;
  /** The last view as a text. */
  #seen = "";
  #signature = "";
  #standing: Standing | undefined;
  #stableSinceMs = Number.NEGATIVE_INFINITY;
  #waitMs = 0;
  #isJudged = true;
  #isHeld = false;
  #status: PartitionStatus = "up";
  #reason = "nobody is missing";
  /** Empty until the first decision. */
  #agreed: Set<string> = new Set();
  /** Seen reachable since the last decision. */
  #onTrial: Set<string> = new Set();
  #downed: Set<string> = new Set();
  /** Those of them of whom it has not told yet: the margin is not over. */
  #untold: Set<string> = new Set();
  /** Since when each of those that count is unreachable. */
  #missingSinceMs: Map<string, number> = new Map();
  /** Some member that it has met was part of decisions, or does not say: there is a history to which it is new. */
  #hasMetSettled = false;
  /** And one of them missed somebody. */
  #hasMetLosing = false;
  /** Somebody was away for so long that the other side may have decided, while this one never came to it. */
  #isOutvoted = false;

  constructor(self: Counted, options: PartitionOptions, rules: Partial<PartitionRules> = {}) {
    assertValidPartition(options);
    this.#self = self;
    this.#options = options;
    this.#rules = { ...DEFAULT_RULES, ...rules };
    this.#marginMs = options.strategy.kind === "off" ? 0 : this.#rules.marginMs(options.marginMs ?? 0);
    this.#view = new Map([[self.id, { ...self, state: "up" as const }]]);
  }

  get status(): PartitionStatus {
    return this.#status;
  }

  get state(): PartitionState {
    const self = { ...this.standing, reason: this.#reason };
    const downed = [...this.#downed].filter((id) => !this.#untold.has(id)).sort();
    const missing = [...new Set([...idsOf(this.#missing()), ...this.#untold])].sort();
    return { self, downed, missing, stableSinceMs: this.#stableSinceMs };
  }

  /** Rides on every message, so it is made once for each step. */
  get standing(): Standing {
    this.#standing ??= {
      status: this.#status,
      isSettled: this.#agreed.size > 0,
      isVoter: this.#isVoter(),
      isWhole: this.#untold.size === 0 && this.#absent().length === 0,
    };
    return this.#standing;
  }

  /** While a decision waits to be borne out, views bring it on; in the end time does. */
  get nextDeadlineMs(): number | undefined {
    if (!this.#isJudged) return this.#stableSinceMs + this.#waitMs * (this.#isHeld ? HELD_TURNS_MAX : 1);
    return this.#untold.size > 0 && this.#status === "up" ? this.#tellAtMs : undefined;
  }

  get #tellAtMs(): number {
    return this.#stableSinceMs + this.#waitMs + this.#marginMs;
  }

  step(input: PartitionInput | Tick, nowMs: number): readonly PartitionEffect[] {
    this.#standing = undefined;
    if (input.type === "view") this.#look(input.members, nowMs);
    const effects = this.#judge(nowMs);
    return effects.length > 0 ? effects : this.#tellGivenUp(nowMs);
  }

  #judge(nowMs: number): readonly PartitionEffect[] {
    // Sums are compared, as in nextDeadlineMs: differences of them may be rounded to less.
    if (this.#isJudged || nowMs < this.#stableSinceMs + this.#waitMs) return NOTHING;
    const mayWait = nowMs < this.#stableSinceMs + this.#waitMs * HELD_TURNS_MAX;
    const verdict = this.#verdict();
    const isOpen = verdict.self === "up" && !this.#isBorneOut();
    this.#isHeld = isOpen && mayWait;
    if (this.#isHeld) return NOTHING;
    this.#isJudged = true;
    return this.#decide(isOpen && this.#missing().length > 0 ? this.#withoutUnheard() : verdict);
  }

  /** The same view has stood for the margin too: whoever has not come back is given up for all to know. */
  #tellGivenUp(nowMs: number): readonly PartitionEffect[] {
    if (this.#untold.size === 0 || !this.#isJudged || this.#status === "down" || nowMs < this.#tellAtMs) return NOTHING;
    const down = [...this.#untold].sort();
    this.#untold.clear();
    return [{ type: "decision", self: "up", down, reason: this.#reason }];
  }

  #look(members: readonly ViewMember[], nowMs: number): void {
    const others = members.filter(({ id }) => id !== this.#self.id).map((each) => [each.id, each] as const);
    const self = members.find(({ id }) => id === this.#self.id) ?? this.#self; // its roles may have changed
    this.#view = new Map([[self.id, { ...self, state: "up" as const, heardMs: undefined }], ...others]);
    for (const set of [this.#agreed, this.#onTrial, this.#downed, this.#untold]) {
      for (const id of set) if (!this.#view.has(id)) set.delete(id); // it left
    }
    for (const { id, state } of this.#view.values()) {
      if (state === "up") this.#meet(id, nowMs);
      else if (!this.#downed.has(id) && !this.#missingSinceMs.has(id)) this.#missingSinceMs.set(id, nowMs);
    }
    const peers = others.filter(([, { state }]) => state === "up");
    this.#hasMetSettled ||= peers.some(([, { standing }]) => standing === undefined || standing.isSettled);
    this.#hasMetLosing ||= this.#hasPeer((each) => each.isSettled && !(each.isVoter && each.isWhole));
    this.#seen = textOf(members);
    const signature = this.#signatureNow();
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#stableSinceMs = nowMs;
    this.#isJudged = false;
    this.#isHeld = false;
    // Whoever has just started lets the others decide first; whoever follows gives them time to find out that they are cut off.
    const isNew = this.#agreed.size === 0 && this.#hasMetSettled;
    const turns = isNew || (!this.#isVoter() && this.#hasRightPeer()) ? 2 : 1;
    this.#waitMs = turns * this.#rules.stableMs(this.#options.stableAfterMs);
  }

  /** What must stand still. */
  #signatureNow(): string {
    return `${this.#seen}\n${idsOf(this.#missing())}\n${this.#hasDoubts()}`;
  }

  #meet(id: string, nowMs: number): void {
    const sinceMs = this.#missingSinceMs.get(id);
    const stableMs = this.#rules.stableMs(this.#options.stableAfterMs);
    if (sinceMs !== undefined && nowMs - sinceMs >= stableMs && this.#rules.noticesOutvoting) this.#isOutvoted = true;
    this.#missingSinceMs.delete(id);
    this.#downed.delete(id);
    this.#untold.delete(id);
    if (!this.#agreed.has(id)) this.#onTrial.add(id);
  }

  #verdict(): Verdict {
    const missing = this.#missing();
    if (missing.length === 0 && !this.#hasDoubts()) return { self: "up", reason: this.#restReason() };
    return this.#mayVote(missing) ? this.#vote(missing) : this.#waitFor(missing);
  }

  #decide({ reason, self }: Verdict): readonly PartitionEffect[] {
    return self === "up" ? this.#settle(this.#missing(), reason) : this.#become("down", reason);
  }

  /**
   * Would it be the same if those reachable from whom nothing was heard since the view last changed were missing, too? One that
   * has just lost all others finds that out one by one: so long it must not believe in those that it has not lost yet.
   */
  #isBorneOut(): boolean {
    if (!this.#rules.wantsEvidence) return true;
    const isQuiet = this.#isVoter() ? this.#missing().length === 0 : this.#hasRightPeer();
    return isQuiet || this.#withoutUnheard().self === "up";
  }

  #withoutUnheard(): Verdict {
    const unheard = this.#reachable().filter(({ heardMs }) => heardMs !== undefined && heardMs < this.#stableSinceMs);
    const missing = [...this.#missing(), ...unheard];
    if (missing.length === 0) return { self: "up", reason: this.#restReason() };
    const { reason, self } = this.#vote(missing);
    return { self, reason: unheard.length === 0 ? reason : `${reason} (${unheard.length} silent ones left out)` };
  }

  /**
   * Whose absence matters. To one that votes: those it has known as reachable and not given up. To the others: all of whom
   * they have heard, for those may be up elsewhere.
   */
  #absent(): readonly ViewMember[] {
    const unreachable = [...this.#view.values()].filter(({ state }) => state === "unreachable");
    if (!this.#isVoter()) return unreachable;
    return unreachable.filter(({ id }) => this.#agreed.has(id) || this.#onTrial.has(id));
  }

  /** Who has no vote follows: a reachable member that votes and misses nobody is on the side that is up. */
  #missing(): readonly ViewMember[] {
    return this.#isVoter() || !this.#hasRightPeer() ? this.#absent() : [];
  }

  /**
   * Nobody is missing here, but others know more: one that they miss may be up elsewhere. Or this node has just started, and
   * those who knew more have gone.
   */
  #hasDoubts(): boolean {
    if (this.#isVoter() || this.#hasRightPeer()) return false;
    const isCutOff = this.#hasMetLosing && this.#agreed.size === 0 && !this.#hasPeer(({ isSettled }) => isSettled);
    return isCutOff || this.#hasPeer(({ isWhole }) => !isWhole);
  }

  #hasRightPeer(): boolean {
    return this.#hasPeer(({ isVoter, isWhole }) => isVoter && isWhole);
  }

  #hasPeer(is: (standing: Standing) => boolean): boolean {
    for (const { id, standing, state } of this.#view.values()) {
      if (id !== this.#self.id && state === "up" && standing !== undefined && is(standing)) return true;
    }
    return false;
  }

  #isVoter(): boolean {
    if (!this.#rules.waitsForHealing) return true;
    return this.#status === "up" && this.#agreed.size > 0 && !this.#isOutvoted;
  }

  /** Nodes that start together may lose one at once: each has seen it, none knows of anything older. */
  #mayVote(missing: readonly ViewMember[]): boolean {
    if (this.#isVoter()) return true;
    if (missing.length === 0 || this.#status === "down" || this.#agreed.size > 0) return false;
    return !this.#hasMetSettled && missing.every(({ id }) => this.#onTrial.has(id));
  }

  #vote(missing: readonly ViewMember[]): Verdict {
    const { strategy } = this.#options;
    const isMissing = new Set(missing);
    const reachable = this.#reachable().filter((each) => !isMissing.has(each));
    const whole = judge(strategy, this.#rules, reachable, missing);
    if (whole.self === "down" || this.#agreed.size === 0 || !this.#rules.asksOldAndNew) return whole;
    const old = (members: readonly ViewMember[]) => members.filter(({ id }) => this.#agreed.has(id));
    if (old(reachable).length === reachable.length && old(missing).length === missing.length) return whole;
    if (old(missing).length === 0) return whole;
    const agreed = judge(strategy, this.#rules, old(reachable), old(missing));
    return agreed.self === "up" ? whole : { self: "down", reason: `${agreed.reason} (without newcomers)` };
  }

  #waitFor(missing: readonly ViewMember[]): Verdict {
    const fresh =
      this.#agreed.size === 0 ? "has just started and takes no part yet" : "others may have decided without it";
    const why = this.#status === "down" ? "waits until the partition heals" : fresh;
    return {
      self: "down",
      reason: `${this.#options.strategy.kind}: ${why}; ${missing.length || "others have somebody"} missing`,
    };
  }

  #reachable(): readonly ViewMember[] {
    return [...this.#view.values()].filter(({ state }) => state === "up");
  }

  #restReason(): string {
    if (this.#status === "down") return "the partition has healed";
    return this.#downed.size === 0 ? "nobody is missing" : `nobody is missing but ${this.#downed.size} given up`;
  }

  /** Agreed are now those reachable; those missing are given up, and told of after the margin. */
  #settle(missing: readonly ViewMember[], reason: string): readonly PartitionEffect[] {
    this.#agreed = new Set(this.#reachable().map(({ id }) => id));
    this.#onTrial.clear();
    this.#missingSinceMs.clear();
    this.#isOutvoted = false;
    this.#hasMetSettled = false;
    this.#hasMetLosing = false;
    for (const { id, state } of this.#view.values()) if (state === "unreachable") this.#downed.add(id);
    for (const { id } of missing) this.#untold.add(id);
    this.#signature = this.#signatureNow(); // that nobody is missing any more is not news
    return this.#become("up", reason);
  }

  #become(self: PartitionStatus, reason: string): readonly PartitionEffect[] {
    const isNews = self !== this.#status;
    if (isNews || self === "up") this.#reason = reason;
    this.#status = self;
    return isNews ? [{ type: "decision", self, down: [], reason }] : NOTHING;
  }
}

function idsOf(members: readonly ViewMember[]): readonly string[] {
  return members.map(({ id }) => id).sort();
}

/** What of a view matters to all; standings matter by whom they leave missing, and to those only that do not vote. */
function textOf(members: readonly ViewMember[]): string {
  const lines = members.map(({ bornMs, id, roles, state }) => `${state} ${bornMs} ${id} ${roles.join()}`);
  return lines.sort().join("\n");
}
