/**
 * Clients of the simulated Raft group, one operation at a time each: put, get and cas on a few keys, asked of any node, tried again
 * with the same number in the session when no answer comes, and now and then given up. Besides recording the history it checks
 * real time by itself: what completes has an index above that of everything that had completed when it was called.
 */
import type { Random } from "../../../src/base/random.ts";
import {
  HistoryRecorder,
  type Recording,
  type RegisterInput,
  type RegisterOutput,
} from "../../support/linearizability/index.ts";
import { Violation } from "../run/index.ts";
import { between, chance, type World } from "../world/index.ts";
import { type Command, encodeCommand } from "./raft-store.ts";
import { type Answer, indexOf, type RaftRequest, type RaftWire } from "./raft-wire.ts";

export interface ClientsPlan {
  readonly clients: number;
  readonly keys: number;
  readonly thinkMs: number;
  /** A request without an answer for so long, or for a random time below it, is tried elsewhere. */
  readonly answerMsMax: number;
  readonly leaseReads: number;
  readonly reads: number;
}

/** Of `answerMsMax`: nobody gives up earlier. */
const ANSWER_SHARE_MIN = 0.2;
/** Share of time-outs after which an operation is left alone, its outcome unknown. */
const GIVES_UP = 0.08;
const BACKOFF_MS_MAX = 60;
/** Writes and reads of each client, after all faults have ended. */
const LAST_OPERATIONS = 3;

/** Absent is 0 in the state machine and null in the history. */
type Input =
  | { readonly kind: "get" }
  | { readonly kind: "put"; readonly value: number }
  | { readonly kind: "cas"; readonly expected: number; readonly value: number };

interface Current {
  readonly input: Input;
  readonly key: number;
  readonly sequence: number;
  readonly recording: Recording<RegisterOutput>;
  /** The highest index of what had completed when it was called. */
  readonly floor: number;
  readonly mode: "linearizable" | "lease";
  tries: number;
}

export class RaftClients {
  readonly history = new HistoryRecorder<RegisterInput, RegisterOutput>();
  completed = 0;
  readonly #world: World<RaftWire>;
  readonly #plan: ClientsPlan;
  readonly #random: Random;
  readonly #clients: Client[];
  #floor = 0;
  #values = 0;
  #left = Number.POSITIVE_INFINITY;

  constructor(world: World<RaftWire>, plan: ClientsPlan, random: Random) {
    this.#world = world;
    this.#plan = plan;
    this.#random = random;
    this.#clients = Array.from({ length: plan.clients }, (_, id) => new Client(id));
    for (const client of this.#clients) this.#after(client, random.next() * plan.thinkMs);
  }

  /** From now on a few more operations each, and none is given up. */
  finish(): void {
    this.#left = LAST_OPERATIONS;
    for (const client of this.#clients) client.left = LAST_OPERATIONS;
  }

  get open(): number {
    return this.#clients.filter(({ current, left }) => current !== undefined || left > 0).length;
  }

  #after(client: Client, delayMs: number): void {
    this.#world.at(this.#world.nowMs + delayMs, () => this.#next(client));
  }

  #next(client: Client): void {
    if (client.left <= 0) return;
    client.left--;
    const key = this.#random.below(this.#plan.keys);
    const input = this.#draw(client, key);
    const mode = chance(this.#random, this.#plan.leaseReads) ? "lease" : "linearizable";
    const recording = this.history.invoke(client.id, String(key), recorded(input));
    const sequence = ++client.sequence;
    client.current = { input, key, sequence, recording, floor: this.#floor, mode, tries: 0 };
    this.#attempt(client, client.current);
  }

  #draw(client: Client, key: number): Input {
    if (chance(this.#random, this.#plan.reads)) return { kind: "get" };
    const value = ++this.#values;
    if (chance(this.#random, 0.5)) return { kind: "put", value };
    return { kind: "cas", expected: client.seen.get(key) ?? 0, value };
  }

  #attempt(client: Client, current: Current): void {
    const attempt = ++current.tries;
    const { random, nodes } = { random: this.#random, nodes: this.#world.nodes.length };
    const node = client.leader ?? random.below(nodes);
    const answer = (given: Answer): void => this.#answered(client, current, attempt, given);
    this.#world.send(node, node, { kind: "request", request: requestOf(client, current, answer) });
    const { answerMsMax } = this.#plan;
    this.#world.at(this.#world.nowMs + between(random, ANSWER_SHARE_MIN, 1) * answerMsMax, () => {
      if (client.current !== current || current.tries !== attempt) return;
      client.leader = undefined;
      if (this.#left === Number.POSITIVE_INFINITY && chance(random, GIVES_UP)) this.#giveUp(client, current);
      else this.#attempt(client, current);
    });
  }

  /** The answer to an earlier attempt is as good as one to the last. */
  #answered(client: Client, current: Current, attempt: number, answer: Answer): void {
    if (client.current !== current) return;
    if (answer.type === "ok") return this.#complete(client, current, answer);
    if (attempt !== current.tries) return;
    current.tries++;
    client.leader = answer.type === "refused" && answer.leader !== undefined ? indexOf(answer.leader) : undefined;
    this.#world.at(this.#world.nowMs + this.#random.next() * BACKOFF_MS_MAX, () => {
      if (client.current === current) this.#attempt(client, current);
    });
  }

  #complete(client: Client, { input, key, sequence, recording, floor, mode }: Current, answer: Done): void {
    const { index, value } = answer;
    const isEarly = input.kind === "get" ? index < floor : index <= floor;
    if (isEarly) {
      const what = input.kind === "get" ? `${mode} read` : input.kind;
      throw new Violation(
        `the ${what} ${sequence} of client ${client.id} is answered at index ${index}, and ${floor} had completed before it`,
      );
    }
    recording.ok(outputOf(input, value));
    client.current = undefined;
    this.completed++;
    this.#floor = Math.max(this.#floor, index);
    if (input.kind === "get") client.seen.set(key, value);
    else if (value === 1) client.seen.set(key, input.value);
    else client.seen.delete(key);
    this.#after(client, this.#random.next() * 2 * this.#plan.thinkMs);
  }

  #giveUp(client: Client, { recording }: Current): void {
    recording.unknown();
    client.current = undefined;
    this.#after(client, this.#random.next() * this.#plan.thinkMs);
  }
}

type Done = Extract<Answer, { type: "ok" }>;

class Client {
  readonly id: number;
  sequence = 0;
  left = Number.POSITIVE_INFINITY;
  current: Current | undefined;
  /** Where it was told that the leader is. */
  leader: number | undefined;
  /** What it believes of each key. */
  readonly seen = new Map<number, number>();

  constructor(id: number) {
    this.id = id;
  }
}

function requestOf(client: Client, current: Current, answer: (answer: Answer) => void): RaftRequest {
  const { input, key, sequence, mode } = current;
  if (input.kind === "get") return { type: "read", key, mode, answer };
  const expected = input.kind === "cas" ? input.expected : 0;
  const command: Command = { op: input.kind, client: client.id, sequence, key, value: input.value, expected };
  return { type: "propose", data: [encodeCommand(command)], answer };
}

function recorded(input: Input): RegisterInput {
  return input.kind === "cas" ? { ...input, expected: input.expected === 0 ? null : input.expected } : input;
}

function outputOf({ kind }: Input, value: number): RegisterOutput {
  if (kind === "cas") return value === 1;
  return kind === "put" || value === 0 ? null : value;
}
