/** The replicated data as this node serves it: `DataPort` over its groups. */

import { formatAddress } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import type { MemberChange } from "../../cluster/consensus/group/index.ts";
import { type DataMachine, encodeCommand } from "../../data/machine/index.ts";
import { failureOf, type MarkedCommand, type Outcome } from "../../data/words/index.ts";
import { isMember, membersOf } from "../../protocol/raft/index.ts";
import type {
  Consistency,
  DataOptions,
  DataPort,
  GroupChange,
  GroupMember,
  GroupStatus,
  LogCheck,
} from "../data/data-port.ts";
import type { Consensus } from "./consensus.ts";
import type { HeldGroup } from "./held-group.ts";

export class DataNode implements DataPort {
  readonly #consensus: Consensus;
  readonly #self: string;
  readonly #clock: Clock;

  constructor(consensus: Consensus, { clock, self }: { readonly clock: Clock; readonly self: string }) {
    this.#consensus = consensus;
    this.#self = self;
    this.#clock = clock;
  }

  groups(): readonly string[] {
    return this.#consensus.names;
  }

  async propose(group: string, marked: MarkedCommand, options: DataOptions): Promise<unknown> {
    this.#requireMember(group);
    const { host } = this.#consensus;
    const command = encodeCommand(marked);
    const outcome = (await this.#within(options, (signal) => host.propose(group, command, { signal }))) as Outcome; // of every command
    if (!outcome.ok) throw failureOf(outcome);
    return outcome.reply;
  }

  async read<T>(
    group: string,
    consistency: Consistency,
    read: (machine: DataMachine) => T,
    options: DataOptions,
  ): Promise<T> {
    const held = this.#held(group);
    const { host } = this.#consensus;
    if (consistency !== "stale") {
      this.#requireMember(group);
      await this.#within(options, (signal) => host.readBarrier(group, consistency, { signal }));
    }
    return read(held.life.machine);
  }

  status(name: string): GroupStatus {
    const held = this.#held(name);
    if (!held.isOpen) return closedStatus(name, this.#self, held.fault);
    const { group, log, machine } = held.life;
    const status = group.status();
    const { durability, failure, hardStateLost, isDamaged, snapshotBytes, snapshotIndex } = log.stats();
    const damage = hardStateLost || isDamaged || status.damage !== "none" ? damageOf(status.damage) : failure;
    return {
      group: name,
      node: this.#self,
      role: status.role,
      term: status.term,
      leader: status.leader,
      commit: status.commit,
      applied: status.applied,
      first: status.firstIndex,
      last: status.lastIndex,
      logBytes: status.logBytes,
      dataBytes: machine.sizeBytes,
      durability,
      damage,
      ...(snapshotIndex > 0 && {
        snapshot: { index: snapshotIndex, term: status.snapshotTerm, bytes: snapshotBytes },
      }),
      members: this.#membersOf(held),
    };
  }

  transfer(group: string, to: string | undefined, options: DataOptions): Promise<void> {
    return this.#change(group, { type: "transfer", node: to }, options);
  }

  reconfigure(group: string, change: GroupChange, options: DataOptions): Promise<void> {
    return this.#change(group, change, options);
  }

  async snapshot(group: string): Promise<void> {
    await this.#held(group).life.group.takeSnapshot();
  }

  async verify(group: string, { signal }: DataOptions): Promise<LogCheck> {
    const { group: raft, log } = this.#held(group).life;
    const findings = await raft.verify(signal);
    const { bytes, firstIndex, lastIndex } = log.stats();
    const damaged = findings
      .filter(({ severity }) => severity !== "info")
      .map(({ file, message }) => `${file}: ${message}`);
    return { entries: Math.max(0, lastIndex - firstIndex + 1), bytes, damaged };
  }

  async #change(group: string, change: MemberChange, options: DataOptions): Promise<void> {
    this.#requireMember(group);
    await this.#within(options, (signal) => this.#consensus.host.change(group, change, { signal }));
  }

  /** The caller's signal, or the time that it gives. */
  async #within<T>({ signal, timeoutMs }: DataOptions, ask: (until: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const end = (): void => over.abort();
    const timer = this.#clock.after(timeoutMs, end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    try {
      return await ask(over.signal);
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", end);
    }
  }

  #held(group: string): HeldGroup {
    const held = this.#consensus.held(group);
    if (held) return held;
    const known = this.#consensus.names.join(", ");
    throw new Failure("data.unknown_group", `there is no group ${JSON.stringify(group)}; there are ${known}`);
  }

  /** Who was taken out of a group, or waits to be added, hears of no leader however long it waits: others are to be asked. */
  #requireMember(name: string): void {
    const held = this.#held(name);
    if (!held.isOpen || held.leadership.leader !== undefined) return;
    const { configuration } = held.life.group;
    if (isMember(configuration, this.#self)) return;
    const members = [...membersOf(configuration)].join(", ") || "not known here";
    const message = `${this.#self} is no member of the group ${name}, so nothing was done; its members are ${members}: one of them is to be asked`;
    throw new Failure("consensus.not_member", message, { retryable: true });
  }

  #membersOf({ life: { group } }: HeldGroup): readonly GroupMember[] {
    const { configuration, followers, lastIndex, role } = group.status();
    const member = (id: string, kind: GroupMember["kind"], isLeaving: boolean): GroupMember => {
      const address = this.#consensus.addressOf(id);
      const follower = followers.find((each) => each.id === id);
      const own = id === this.#self && role === "leader" ? { match: lastIndex, next: lastIndex + 1 } : undefined;
      return {
        id,
        kind,
        ...(address && { address: formatAddress(address) }),
        ...(isLeaving && { isLeaving }),
        ...(follower && {
          match: follower.match,
          next: follower.next,
          state: follower.isActive ? follower.state : "silent",
        }),
        ...own,
      };
    };
    const leaving = configuration.votersOutgoing.filter((id) => !configuration.voters.includes(id));
    return [
      ...configuration.voters.map((id) => member(id, "voter", false)),
      ...leaving.map((id) => member(id, "voter", true)),
      ...configuration.learners.map((id) => member(id, "learner", false)),
    ];
  }
}

/** Of one that is being opened, waits for the other masters, or cannot be opened. */
function closedStatus(group: string, node: string, fault: string): GroupStatus {
  const nothing = { term: 0, commit: 0, applied: 0, first: 0, last: 0, logBytes: 0, dataBytes: 0, members: [] };
  return { group, node, role: "closed", durability: "fsync", damage: fault, ...nothing };
}

function damageOf(damage: "none" | "awaitsRepair" | "hopeless"): string {
  return damage === "hopeless"
    ? "what was lost is nowhere else: this node is the only voter"
    : "votes for nobody until a leader has made good what was lost";
}
