/**
 * The state machine of the simulated Raft group: registers with put and cas, sessions that apply each command of a client once,
 * the configuration in force, and a running digest of everything applied, which makes two histories comparable at any index.
 */
import type { Configuration, Entry } from "../../../src/protocol/raft/index.ts";
import { entryTag } from "./raft-wire.ts";

export interface Command {
  readonly op: "put" | "cas" | "pad";
  readonly client: number;
  readonly sequence: number;
  readonly key: number;
  readonly value: number;
  /** Of a cas; 0: nothing is there. */
  readonly expected: number;
}

const OPS = ["put", "cas", "pad"] as const;
const COMMAND_BYTES = 16;
/** What a pad carries more than others: the log grows. */
const PAD_BYTES = 120;

export function encodeCommand(command: Command): Uint8Array {
  const bytes = new Uint8Array(COMMAND_BYTES + (command.op === "pad" ? PAD_BYTES : 0));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, OPS.indexOf(command.op));
  view.setUint8(1, command.client);
  view.setUint8(2, command.key);
  view.setUint32(4, command.sequence);
  view.setUint32(8, command.value);
  view.setUint32(12, command.expected);
  return bytes;
}

export function decodeCommand(bytes: Uint8Array): Command {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    op: OPS[view.getUint8(0)]!,
    client: view.getUint8(1),
    key: view.getUint8(2),
    sequence: view.getUint32(4),
    value: view.getUint32(8),
    expected: view.getUint32(12),
  };
}

export interface StoreRules {
  /** Is this command of a session to be applied, when that one was the last? */
  readonly isNew: (sequence: number, last: number) => boolean;
  readonly keepsSessions: boolean;
}

export const STORE_RULES: StoreRules = { isNew: (sequence, last) => sequence > last, keepsSessions: true };

interface Session {
  readonly sequence: number;
  readonly isOk: boolean;
}

interface Image {
  /** Snapshots of one index need not have the same bytes. */
  readonly salt: string;
  readonly index: number;
  readonly term: number;
  readonly history: number;
  readonly configuration: Configuration;
  readonly registers: readonly (readonly [number, number])[];
  readonly sessions: readonly (readonly [number, Session])[];
}

export class RaftStore {
  index = 0;
  term = 0;
  /** Of all that was applied. */
  history = 0;
  configuration: Configuration;
  readonly #rules: StoreRules;
  #registers = new Map<number, number>();
  #sessions = new Map<number, Session>();

  constructor(configuration: Configuration, rules: StoreRules) {
    this.configuration = configuration;
    this.#rules = rules;
  }

  /** 0: nothing is there. */
  get(key: number): number {
    return this.#registers.get(key) ?? 0;
  }

  /** Whether the command did what it says: a cas may not. */
  apply(entry: Entry): boolean {
    this.index = entry.index;
    this.term = entry.term;
    this.history = chained(this.history, entry);
    if (entry.kind === "configuration") this.configuration = entry.configuration;
    return entry.kind === "command" && this.#execute(decodeCommand(entry.data));
  }

  image(salt: string): Uint8Array {
    const { index, term, history, configuration } = this;
    const sessions = this.#rules.keepsSessions ? [...this.#sessions] : [];
    const image: Image = { salt, index, term, history, configuration, registers: [...this.#registers], sessions };
    return new TextEncoder().encode(JSON.stringify(image));
  }

  load(bytes: Uint8Array): void {
    const image = JSON.parse(new TextDecoder().decode(bytes)) as Image;
    this.index = image.index;
    this.term = image.term;
    this.history = image.history;
    this.configuration = image.configuration;
    this.#registers = new Map(image.registers);
    this.#sessions = new Map(image.sessions);
  }

  #execute(command: Command): boolean {
    if (command.op === "pad") return true;
    const last = this.#sessions.get(command.client);
    if (last !== undefined && !this.#rules.isNew(command.sequence, last.sequence)) {
      return command.sequence === last.sequence && last.isOk;
    }
    const isOk = command.op === "put" || this.get(command.key) === command.expected;
    if (isOk) this.#registers.set(command.key, command.value);
    this.#sessions.set(command.client, { sequence: command.sequence, isOk });
    return isOk;
  }
}

function chained(history: number, entry: Entry): number {
  let mixed = Math.imul(history ^ entryTag(entry), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13) ^ entry.term, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16) ^ entry.index) >>> 0;
}
