/**
 * All groups of this node, and the way to them from any node of the cluster: what is proposed or read here goes to the group's
 * leader, wherever that is, and comes back with its outcome. What may have been done is never tried again here: that is for whoever
 * has a session.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { isMember, isNodeId, type NodeId, type RaftMessage, type ReadMode } from "../../../protocol/raft/index.ts";
import type { LinkHandlers, PeerLink, RequestContext } from "../../../wire/link/index.ts";
import { becomesTrue, changeMembers, type MemberChange } from "./change-members.ts";
import { notLeader, stranger, unknownOutcome } from "./failures.ts";
import type { RaftGroup } from "./group.ts";
import { fromPlain, toPlain } from "./wire-format.ts";
import { withSignal } from "./with-signal.ts";

const MESSAGE_TOPIC = "raft/message";
const PROPOSE_TOPIC = "raft/propose";
const READ_TOPIC = "raft/read";
const CHANGE_TOPIC = "raft/change";

/** A pause before another look when a leader was named that does not lead: it may just be on its way out or in. */
const LOOK_AGAIN_MS = 20;

export interface HostPorts {
  readonly self: NodeId;
  /** An open link, or undefined: then it is being looked for. */
  readonly link: (to: NodeId) => PeerLink | undefined;
  /** Resolves after so long, or when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A node that waits to be added has heard of its group. */
  readonly joined: (group: string, identity: string) => void;
  /** Somebody takes this node for a member of another group of this name. */
  readonly foreign: (group: string, from: NodeId) => void;
  /** May a node that is no member of a group propose, read and change there? Left out: none may. */
  readonly mayAsk?: ((peer: NodeId) => boolean) | undefined;
}

export interface CallOptions {
  readonly signal: AbortSignal;
}

export class GroupHost {
  readonly handlers: LinkHandlers;
  readonly #ports: HostPorts;
  readonly #groups = new Map<string, RaftGroup>();
  /** What tells a group from another of its name; undefined while it waits to be added to one. */
  readonly #identities = new Map<string, string>();

  constructor(ports: HostPorts) {
    this.#ports = ports;
    this.handlers = {
      [MESSAGE_TOPIC]: { notify: (payload, { peer }) => this.#receive(peer.id, payload) },
      [PROPOSE_TOPIC]: { request: (payload, context) => this.#proposeFor(payload, context) },
      [READ_TOPIC]: { request: (payload, context) => this.#readFor(payload, context) },
      [CHANGE_TOPIC]: { request: (payload, context) => this.#changeFor(payload, context) },
    };
  }

  get groups(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** Fails with `consensus.no_group`. */
  group(name: string): RaftGroup {
    const found = this.#groups.get(name);
    if (found) return found;
    const known = this.groups.join(", ") || "none";
    throw new Failure("consensus.no_group", `this node has no group ${JSON.stringify(name)}; it has ${known}`);
  }

  add(group: RaftGroup, identity: string | undefined): void {
    this.#groups.set(group.name, group);
    if (identity !== undefined) this.#identities.set(group.name, identity);
  }

  remove(group: RaftGroup): void {
    if (this.#groups.get(group.name) === group) this.#groups.delete(group.name);
  }

  /** For a group's port: false when the message did not leave. */
  send(group: string, to: NodeId, message: RaftMessage): boolean {
    const link = this.#ports.link(to);
    if (!link?.isOpen) return false;
    try {
      link.notify(MESSAGE_TOPIC, [group, this.#identities.get(group), toPlain(message)]);
      return true;
    } catch {
      return false; // its send buffer is full, or it has just closed: Raft says it again
    }
  }

  /**
   * Resolves with the command's outcome. Waits for a leader until the signal aborts: `consensus.no_leader`. A link that breaks
   * under way, and a signal that aborts when a leader has it, are `consensus.unknown_outcome`.
   */
  propose(name: string, command: Uint8Array, { signal }: CallOptions): Promise<unknown> {
    return this.#atLeader(
      name,
      signal,
      (group) => proposeOnce(group, command, signal),
      (link, until) => requestOnce(name, link, PROPOSE_TOPIC, [name, command], until),
    );
  }

  /** Resolves when it is in force. */
  async change(name: string, change: MemberChange, { signal }: CallOptions): Promise<void> {
    const ports = { pause: this.#ports.pause, signal };
    await this.#atLeader<unknown>(
      name,
      signal,
      (group) => changeMembers(group, change, ports),
      async (link, until) => {
        try {
          await requestOnce(name, link, CHANGE_TOPIC, [name, change], until);
        } catch (thrown) {
          // Who was asked leads no more, which may be just what was asked for: then the group itself shows it.
          const isOpen = thrown instanceof Failure && thrown.code === "consensus.unknown_outcome";
          if (!isOpen || !(await becomesTrue(this.group(name), change, ports))) throw thrown;
        }
      },
    );
  }

  /** Resolves when this node's own state is fresh enough for a read that began with the call. */
  async readBarrier(name: string, mode: ReadMode, { signal }: CallOptions): Promise<void> {
    const index = await this.#atLeader(
      name,
      signal,
      (group) => readOnce(group, mode, signal),
      async (link, until) => {
        try {
          return await link.request(READ_TOPIC, [name, mode], { signal: until, timeoutMs: REQUEST_MS_MAX });
        } catch (thrown) {
          const failure = toFailure(thrown, "consensus.defect");
          throw failure.code.startsWith("link.") ? notLeader(name, link.peer.id) : failure; // asking again does no harm
        }
      },
    );
    if (typeof index !== "number") throw new Failure("consensus.defect", "a leader names no index for a read");
    await this.group(name).whenApplied(index, signal);
  }

  async close(): Promise<void> {
    const groups = [...this.#groups.values()];
    this.#groups.clear();
    await Promise.all(groups.map((group) => group.close()));
  }

  async #atLeader<T>(
    name: string,
    signal: AbortSignal,
    here: (group: RaftGroup) => Promise<T>,
    there: (link: PeerLink, until: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const group = this.group(name);
      const { leader } = group.leadership;
      if (signal.aborted) throw noLeader(name, leader);
      try {
        if (leader === this.#ports.self) return await here(group);
        const link = leader === undefined ? undefined : this.#ports.link(leader);
        if (link?.isOpen) return await whileLeading(group, link, signal, there);
      } catch (thrown) {
        if (!isMisdirected(thrown)) throw thrown;
      }
      await this.#leaderOrPause(group, leader, signal);
    }
  }

  /** Until somebody else leads, or a moment has passed: who is named may have no link yet. */
  async #leaderOrPause(group: RaftGroup, before: NodeId | undefined, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const listening = group.onLeadership(({ leader }) => {
      if (leader !== undefined && leader !== before) over.abort();
    });
    try {
      await this.#ports.pause(LOOK_AGAIN_MS, AbortSignal.any([signal, over.signal]));
    } finally {
      listening.close();
    }
  }

  #receive(from: NodeId, payload: unknown): void {
    if (!Array.isArray(payload) || payload.length !== 3) return;
    const [name, identity, plain] = payload as readonly unknown[];
    if (typeof name !== "string" || typeof identity !== "string" || identity.length > IDENTITY_CHARS_MAX) return;
    const group = this.#groups.get(name);
    const message = group && fromPlain(plain);
    if (!message) return;
    if (!this.#identities.has(name)) {
      this.#ports.joined(name, identity);
      this.#identities.set(name, identity);
    }
    if (this.#identities.get(name) === identity) group.receive(from, message);
    else this.#ports.foreign(name, from);
  }

  #proposeFor(payload: unknown, { peer, signal }: RequestContext): Promise<unknown> {
    const [name, command] = Array.isArray(payload) ? (payload as unknown[]) : [];
    if (typeof name !== "string" || !(command instanceof Uint8Array)) throw malformed(PROPOSE_TOPIC);
    return proposeOnce(this.#groupFor(name, peer.id), command, signal);
  }

  async #changeFor(payload: unknown, { peer, signal }: RequestContext): Promise<void> {
    const [name, change] = Array.isArray(payload) ? (payload as unknown[]) : [];
    if (typeof name !== "string" || !isChange(change)) throw malformed(CHANGE_TOPIC);
    await changeMembers(this.#groupFor(name, peer.id), change, { pause: this.#ports.pause, signal });
  }

  #readFor(payload: unknown, { peer, signal }: RequestContext): Promise<number> {
    const [name, mode] = Array.isArray(payload) ? (payload as unknown[]) : [];
    if (typeof name !== "string" || (mode !== "linearizable" && mode !== "lease")) throw malformed(READ_TOPIC);
    return readOnce(this.#groupFor(name, peer.id), mode, signal);
  }

  /** Fails with `consensus.stranger`. Who does not lead may not know of a new member yet, and does nothing anyhow. */
  #groupFor(name: string, peer: NodeId): RaftGroup {
    const group = this.group(name);
    const isServed = isMember(group.configuration, peer) || this.#ports.mayAsk?.(peer) === true;
    if (isServed || group.leadership.leader !== this.#ports.self) return group;
    throw stranger(name, peer);
  }
}

function proposeOnce(group: RaftGroup, command: Uint8Array, signal: AbortSignal): Promise<unknown> {
  return withSignal(
    signal,
    () => group.propose(command),
    () => unknownOutcome(group.name, "its time was over before this node had its outcome"),
  );
}

function readOnce(group: RaftGroup, mode: ReadMode, signal: AbortSignal): Promise<number> {
  return withSignal(
    signal,
    () => group.readIndex(mode),
    () => noLeader(group.name, group.leadership.leader),
  );
}

/** The caller's own signal is the deadline; this is a bound for what it forgets. */
const REQUEST_MS_MAX = 600_000;
const IDENTITY_CHARS_MAX = 64;
/** Said before the request was on its way. */
const NEVER_LEFT: ReadonlySet<string> = new Set(["link.unencodable", "link.too_large", "link.overloaded"]);
/** Nothing was done: somebody else is to be asked. */
const MISDIRECTED: ReadonlySet<string> = new Set(["consensus.not_leader", "consensus.lost", "consensus.closed"]);

/** Who is cut off does not say so: the wait for its answer ends when another one leads. */
async function whileLeading<T>(
  group: RaftGroup,
  link: PeerLink,
  signal: AbortSignal,
  ask: (link: PeerLink, until: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const end = (): void => over.abort(signal.reason);
  signal.addEventListener("abort", end);
  const listening = group.onLeadership(({ leader }) => {
    if (leader !== undefined && leader !== link.peer.id) over.abort();
  });
  if (signal.aborted) end();
  try {
    return await ask(link, over.signal);
  } finally {
    listening.close();
    signal.removeEventListener("abort", end);
  }
}

/** What broke on the way may have been done. */
async function requestOnce(
  group: string,
  link: PeerLink,
  topic: string,
  payload: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await link.request(topic, payload, { signal, timeoutMs: REQUEST_MS_MAX });
  } catch (thrown) {
    const failure = toFailure(thrown, "consensus.defect");
    if (!failure.code.startsWith("link.") || NEVER_LEFT.has(failure.code)) throw failure;
    throw unknownOutcome(group, failure.message);
  }
}

function isChange(value: unknown): value is MemberChange {
  if (typeof value !== "object" || value === null) return false;
  const { isLearner, node, type } = value as Partial<Record<string, unknown>>;
  if (type === "transfer") return node === undefined || isNodeId(node);
  if (type === "add") return isNodeId(node) && typeof isLearner === "boolean";
  return (type === "promote" || type === "remove") && isNodeId(node);
}

function isMisdirected(thrown: unknown): boolean {
  return thrown instanceof Failure && (MISDIRECTED.has(thrown.code) || thrown.code === "consensus.no_group");
}

function noLeader(group: string, leader: NodeId | undefined): Failure {
  const who = leader === undefined ? "none is known" : `${leader} was the last known`;
  const message = `no leader of the group ${group} has taken it in time; ${who}`;
  return new Failure("consensus.no_leader", message, { retryable: true });
}

function malformed(topic: string): Failure {
  return new Failure("consensus.malformed", `what was sent as ${topic} has not its form`);
}
