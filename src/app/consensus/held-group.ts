/**
 * One group of this node through all its lives: opened from its directory, closed when its disk fails, and opened again from what is
 * durable. Who follows it follows all its lives.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { type GroupHost, type Leadership, RaftGroup } from "../../cluster/consensus/group/index.ts";
import { type Durability, type Finding, RaftLog } from "../../cluster/consensus/log/index.ts";
import { DataMachine, encodeCommand } from "../../data/machine/index.ts";
import type { Configuration, DurableState, RaftOptions } from "../../protocol/raft/index.ts";
import type { Beginning } from "./founding.ts";
import { identityOf, readIdentity, writeIdentity } from "./group-identity.ts";

/** Long enough for a person to read why, short enough for a disk that has room again. */
const REOPEN_MS = 1_000;

export interface HeldGroupOptions {
  readonly name: string;
  readonly directory: string;
  readonly self: string;
  readonly raft: RaftOptions;
  readonly durability: Durability;
  /** Who the first voters are, asked when the group has not begun here; undefined: somebody will add this node. */
  readonly voters: (signal: AbortSignal) => Promise<readonly string[] | undefined>;
}

export interface HeldGroupPorts {
  readonly host: GroupHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly defer: (callback: () => void) => void;
}

interface Life {
  readonly group: RaftGroup;
  readonly machine: DataMachine;
  readonly log: RaftLog;
}

export class HeldGroup {
  readonly name: string;
  readonly #options: HeldGroupOptions;
  readonly #ports: HeldGroupPorts;
  readonly #listeners = new Set<(now: Leadership) => void>();
  readonly #end = new AbortController();
  #life: Life | undefined;
  #opening: Promise<void> | undefined;
  /** Nothing of the group is here, and the others are asked. */
  #isEmpty = false;
  /** Why it does not run and will not by itself. */
  #fault: string | undefined;

  constructor(options: HeldGroupOptions, ports: HeldGroupPorts) {
    this.name = options.name;
    this.#options = options;
    this.#ports = ports;
  }

  /** Resolves when the group has begun here. Fails as its directory does. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch((thrown) => {
      if (thrown instanceof Failure) throw thrown;
      const message = `cannot open the group ${this.name} in ${this.#options.directory}: ${messageOf(thrown)}; a disk with room that can be written is required`;
      throw new Failure("consensus.disk", message, { cause: thrown });
    });
    return this.#opening;
  }

  /** Fails with `consensus.closed` between two lives. */
  get life(): Life {
    if (this.#life) return this.#life;
    throw new Failure("consensus.closed", `the group ${this.name} does not run on this node: ${this.fault}`, {
      retryable: true,
    });
  }

  /** Why it does not run. */
  get fault(): string {
    return this.#fault ?? (this.#isEmpty ? "it waits for all of --masters to begin with" : "it is being opened");
  }

  /** For nodes that begin with this one. */
  get beginning(): Beginning {
    if (!this.#life) return this.#isEmpty ? "empty" : "opening";
    const { lastIndex, snapshotIndex, term } = this.#life.group.status();
    return term > 1 || lastIndex > 1 || snapshotIndex > 0 ? "begun" : "fresh";
  }

  get isOpen(): boolean {
    return this.#life !== undefined;
  }

  get leadership(): Leadership {
    return this.#life?.group.leadership ?? NOBODY_LEADS;
  }

  onLeadership(listener: (now: Leadership) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#opening?.catch(() => {}); // whoever has called open hears of it
    const life = this.#life;
    this.#life = undefined;
    if (life) this.#ports.host.remove(life.group);
    await life?.group.close();
  }

  async #open(): Promise<void> {
    const { directory, durability } = this.#options;
    const { clock, logger, random } = this.#ports;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const isWiped = readIdentity(directory, this.#options.self) !== undefined && readdirSync(directory).length === 1;
    if (isWiped) throw withoutHardState(this.name, directory);
    const options = { clock, durability, random, group: this.name };
    const { durable: found, findings, hardStateLost, log } = await RaftLog.open(directory, options);
    try {
      for (const finding of findings) this.#tellOf(finding);
      if (hardStateLost) throw withoutHardState(this.name, directory);
      const { durable, identity } = await this.#begin(log, found);
      const machine = new DataMachine();
      if (durable.snapshot) machine.restore(log.readSnapshot(durable.snapshot));
      this.#start({ durable, identity, log, machine });
    } catch (thrown) {
      await log.close();
      throw thrown;
    }
    logger.debug(`group ${this.name} is open`, { directory });
    if (durability !== "relaxed") return;
    logger.warn(`group ${this.name} acknowledges before the disk has it: a power cut loses what was acknowledged last`);
  }

  /** What the machine starts with; a group that begins has its first configuration on disk before. */
  async #begin(
    log: RaftLog,
    found: Omit<DurableState, "configuration">,
  ): Promise<{ readonly durable: DurableState; readonly identity: string | undefined }> {
    const { directory, self } = this.#options;
    const identity = readIdentity(directory, this.#options.self);
    const { entries, hardState, snapshot } = found;
    const isEmpty = snapshot === undefined && entries.length === 0 && hardState.term === 0;
    if (!isEmpty) {
      const first = entries[0];
      const began = first?.index === 1 && first.kind === "configuration" ? first.configuration.voters : undefined;
      if (identity === undefined && began) writeIdentity(directory, self, identityOf(began));
      return { durable: { ...found, configuration: undefined }, identity: identity ?? (began && identityOf(began)) };
    }
    // It was added to a group, and has promised nothing since.
    if (identity !== undefined) return { durable: { ...found, configuration: undefined }, identity };
    this.#isEmpty = true;
    const voters = await this.#options.voters(this.#end.signal);
    this.#isEmpty = false;
    this.#end.signal.throwIfAborted();
    if (voters === undefined) return { durable: { ...found, configuration: undefined }, identity: undefined };
    if (!voters.includes(self)) throw notAmong(this.name, self, voters);
    const configuration: Configuration = { voters: voters.toSorted(), votersOutgoing: [], learners: [] };
    const first = { term: 1, index: 1, kind: "configuration", configuration } as const;
    const begun = { term: 1, votedFor: undefined };
    await log.persist(begun, [first]);
    writeIdentity(directory, self, identityOf(voters));
    const durable = { ...found, hardState: begun, entries: [first], configuration: undefined };
    return { durable, identity: identityOf(voters) };
  }

  #start({
    durable,
    identity,
    log,
    machine,
  }: Pick<Life, "log" | "machine"> & { readonly durable: DurableState; readonly identity: string | undefined }): void {
    const { name, raft, self } = this.#options;
    const { clock, defer, host, logger, random } = this.#ports;
    const replicated = {
      apply: machine.apply.bind(machine),
      get clockMs() {
        return machine.clockMs;
      },
      get nextDueMs() {
        return machine.nextDueMs;
      },
      skip: (index: number) => machine.skip(index),
      tick: () => TICK,
      snapshot: () => machine.snapshot(),
      restore: (pieces: Iterable<Uint8Array>) => machine.restore(pieces),
    };
    const group = new RaftGroup(
      { name, self, durable, raft },
      {
        clock,
        random,
        log,
        machine: replicated,
        defer,
        send: (to, message) => host.send(name, to, message),
        failed: (thrown) => this.#failed(group, thrown),
        tell: (text, fields) => logger.warn(text, { group: name, ...fields }),
      },
    );
    group.onLeadership((now) => this.#tell(now));
    this.#life = { group, machine, log };
    this.#fault = undefined;
    host.add(group, identity);
    group.start();
    if (group.status().damage === "hopeless") logger.error(hopeless(name, this.#options.directory));
  }

  #failed(group: RaftGroup, thrown: unknown): void {
    const { host, logger } = this.#ports;
    if (this.#life?.group !== group) return;
    logger.error(`group ${this.name} is closed: it is opened again`, { error: thrown });
    host.remove(group);
    this.#life = undefined;
    this.#fault = messageOf(thrown);
    this.#tell(NOBODY_LEADS);
    this.#opening = this.#openAgain();
    this.#opening.catch(() => {}); // told already
  }

  async #openAgain(): Promise<void> {
    const { clock, logger } = this.#ports;
    while (!this.#end.signal.aborted) {
      await pause(clock, REOPEN_MS, this.#end.signal);
      if (this.#end.signal.aborted) return;
      try {
        return await this.#open();
      } catch (thrown) {
        const reason = messageOf(thrown);
        if (reason !== this.#fault) logger.error(`group ${this.name} cannot be opened`, { reason });
        this.#fault = reason;
      }
    }
  }

  #tell(now: Leadership): void {
    for (const listener of this.#listeners) listener(now);
  }

  /** Where it is, as far as that is known: a file that is not there has no place in it. */
  #tellOf({ firstIndex, lastIndex, message, offset, severity, sizeBytes, ...where }: Finding): void {
    const entries = {
      ...(firstIndex !== undefined && { firstIndex }),
      ...(lastIndex !== undefined && { lastIndex }),
    };
    const place = sizeBytes === 0 ? {} : { offset, sizeBytes };
    const fields = { severity, ...where, ...place, ...entries };
    this.#ports.logger[severity === "info" ? "info" : "warn"](`log of group ${this.name}: ${message}`, fields);
  }
}

const TICK = encodeCommand({ command: { type: "tick" } });
const NOBODY_LEADS: Leadership = { term: 0, leader: undefined, isLeading: false };

function withoutHardState(group: string, directory: string): Failure {
  const message = `what the group ${group} has voted for cannot be read any more in ${directory}: this node takes no part, or it could vote twice; remove it with raft remove, and add it again under another id, with an empty directory`;
  return new Failure("consensus.hard_state_lost", message);
}

function hopeless(group: string, directory: string): string {
  return `the group ${group} has lost something that no other node has, and answers nothing: put a copy of ${directory} back, or begin anew with an empty one`;
}

function notAmong(group: string, self: string, voters: readonly string[]): Failure {
  const message = `--masters leads to ${voters.join(", ")}, and this node, ${self}, is not among them; the group ${group} does not begin here`;
  return new Failure("usage.masters", message);
}
