/**
 * Asks until there is an answer: this node or that one, again after an election or a lost connection, always under the same mark,
 * so that a command is done once however often it was sent. What bears no mark and is not idempotent is not sent again when it may
 * have been done. The deadline ends it all.
 */
import { z } from "zod";
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { type CallOptions, type Client, type Contract, createClient, type Methods } from "../../wire/rpc/index.ts";
import { MAIN_GROUP, raftContract } from "../contract/index.ts";
import { judge, lateFailure } from "./failures.ts";
import { type LeaderNames, Leaders } from "./leaders.ts";
import {
  BACKOFF_MS_FIRST,
  BACKOFF_MS_MAX,
  COMMAND_MS_MAX,
  DISTRIBUTED_TRY_MS,
  TIMEOUT_MS_DEFAULT,
  TRY_MS,
} from "./limits.ts";
import { Sessions } from "./session.ts";
import { type Way, Ways } from "./ways.ts";

export interface AskerPorts {
  readonly clock: Clock;
  /** For the spread of waits. */
  readonly random: Random;
  /** A name that nobody else has ever had. */
  readonly newId: () => string;
  /** Whom it may ask now; the same ones keep their transports. */
  readonly ways: () => readonly Way[];
  readonly timeoutMs?: number | undefined;
}

type Input = Readonly<Record<string, unknown>>;
type Ask = (input: Input, options: CallOptions) => Promise<unknown>;

/** Whom to ask about one group. */
interface Place {
  readonly ways: Ways;
  readonly leaders: Leaders;
}

/** What is to be asked, and what is known of it so far. */
interface Question {
  readonly contract: Contract;
  readonly method: string;
  readonly input: Input;
  readonly group: string;
  readonly title: string;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  readonly isMarked: boolean;
  /** Asked twice it does no more than asked once. */
  readonly isRepeatable: boolean;
  readonly changes: boolean;
  isUncertain: boolean;
  wrongNodes: number;
  last: Failure | undefined;
}

export class Asker {
  readonly #ports: AskerPorts;
  /** By group: each has a leader of its own. */
  readonly #places = new Map<string, Place>();
  readonly #sessions = new Map<string, Sessions>();
  readonly #clients = new WeakMap<Way["transport"], Map<string, Readonly<Record<string, Ask>>>>();

  constructor(ports: AskerPorts) {
    this.#ports = ports;
  }

  /** A function per method, as `createClient` makes them. */
  client<M extends Methods>(contract: Contract<M>): Client<M> {
    const ask = (method: string) => (input: Input, options?: CallOptions) =>
      this.#ask(contract, method, input, options);
    const names = Object.keys(contract.methods);
    return Object.fromEntries(names.map((name) => [name, ask(name)])) as unknown as Client<M>; // one per method, by its name
  }

  async #ask(contract: Contract, method: string, input: Input, options: CallOptions = {}): Promise<unknown> {
    const { input: schema, access, idempotent = false } = contract.methods[method]!; // of the contract's own names
    const isMarked = schema instanceof z.ZodObject && "mark" in schema.shape;
    const asked = options.timeoutMs ?? this.#ports.timeoutMs ?? TIMEOUT_MS_DEFAULT;
    const hasId = isMarked || (access !== "read" && schema instanceof z.ZodObject && "id" in schema.shape);
    const timeoutMs = hasId ? Math.min(asked, COMMAND_MS_MAX) : asked;
    const question: Question = {
      contract,
      method,
      input,
      group: typeof input.group === "string" ? input.group : MAIN_GROUP,
      title: `${contract.name}.${method}`,
      timeoutMs,
      deadlineMs: this.#ports.clock.monotonic() + timeoutMs,
      signal: options.signal,
      isMarked,
      isRepeatable: isMarked || idempotent,
      changes: access !== "read",
      isUncertain: false,
      wrongNodes: 0,
      last: undefined,
    };
    for (let round = 0; ; round++) {
      const answer = await (isMarked ? this.#command(question) : this.#untilAnswered(question, () => input));
      if (answer !== BUSY) return answer;
      await this.#wait(question, round);
    }
  }

  /** One number of the session for all its tries; another session when the group has forgotten this one. */
  async #command(question: Question): Promise<unknown> {
    for (;;) {
      const sessions = this.#sessionsWith(question.group);
      const session = sessions.choose();
      const sequence = session.begin();
      try {
        return await this.#untilAnswered(question, () => ({ ...question.input, mark: session.mark(sequence) }));
      } catch (thrown) {
        if (!(thrown instanceof Failure) || thrown.code !== "data.session_expired") throw thrown;
        sessions.forget(session);
        question.last = thrown;
        if (question.isUncertain) throw lateFailure(question.title, question.timeoutMs, question);
        if (sequence === 1) throw thrown; // one that has only just begun: another one would fare no better
      } finally {
        session.end(sequence);
      }
    }
  }

  #sessionsWith(group: string): Sessions {
    const known = this.#sessions.get(group);
    if (known) return known;
    const sessions = new Sessions(this.#ports.newId);
    this.#sessions.set(group, sessions);
    return sessions;
  }

  #placeOf(group: string): Place {
    const known = this.#places.get(group);
    if (known) return known;
    const ways = new Ways(this.#ports.ways);
    const leaderOf = (name: string, way: Way): Promise<LeaderNames> => this.#leaderOf(name, way);
    const place = { ways, leaders: new Leaders(group, ways, { clock: this.#ports.clock, leaderOf }) };
    this.#places.set(group, place);
    return place;
  }

  async #leaderOf(name: string, { transport }: Way): Promise<LeaderNames> {
    const { status } = createClient(raftContract, transport, { clock: this.#ports.clock });
    const { groups } = await status({ group: name }, { timeoutMs: TRY_MS });
    const leader = groups[0]?.leader;
    const member = groups[0]?.members.find(({ id }) => id === leader);
    return [leader, member?.address].filter((each) => each !== undefined);
  }

  /** Asks one node after the other; a refusal that passes comes back as BUSY. */
  async #untilAnswered(question: Question, input: () => Input): Promise<unknown> {
    const { leaders, ways } = this.#placeOf(question.group);
    for (let tries = 0; ; tries++) {
      this.#requireTime(question);
      let way: Way | undefined;
      try {
        way = ways.choose();
        const answer = await this.#try(way, question, input());
        leaders.answered(way);
        return answer;
      } catch (thrown) {
        const failure = toFailure(thrown, "data.defect");
        if (!this.#goesOn(question, failure, ways.count)) throw failure;
        if (judge(failure) === "busy") return BUSY;
        if (way) leaders.failed(way);
        if (way) ways.passOver(way);
      }
      const round = Math.floor(tries / Math.max(1, ways.count));
      if ((tries + 1) % Math.max(1, ways.count) === 0) await this.#wait(question, round);
    }
  }

  #try(
    way: Way,
    { changes, contract, deadlineMs, input, isMarked, isRepeatable, method, signal }: Question,
    marked: Input,
  ) {
    const leftMs = deadlineMs - this.#ports.clock.monotonic();
    const waitMs = typeof input.waitMs === "number" ? input.waitMs : 0;
    const tryMs = changes && !isMarked ? DISTRIBUTED_TRY_MS : TRY_MS + waitMs;
    const timeoutMs = Math.ceil(isRepeatable ? Math.min(leftMs, tryMs) : leftMs);
    return this.#clientOf(way, contract)[method]!(marked, { timeoutMs, ...(signal && { signal }) });
  }

  #clientOf({ transport }: Way, contract: Contract): Readonly<Record<string, Ask>> {
    const clients = this.#clients.get(transport) ?? new Map<string, Readonly<Record<string, Ask>>>();
    this.#clients.set(transport, clients);
    const known = clients.get(contract.name);
    if (known) return known;
    const made = createClient(contract, transport, { clock: this.#ports.clock }) as Readonly<Record<string, Ask>>; // by their names
    clients.set(contract.name, made);
    return made;
  }

  /** Notes what the failure says, and whether to ask again. */
  #goesOn(question: Question, failure: Failure, nodes: number): boolean {
    const judgement = judge(failure);
    const saysLittle = failure.code === "rpc.deadline_exceeded" && question.last !== undefined;
    if (!saysLittle) question.last = failure;
    question.wrongNodes = judgement === "wrong_node" ? question.wrongNodes + 1 : 0;
    if (judgement === "final" || question.signal?.aborted) return false;
    if (judgement === "wrong_node") return question.wrongNodes < nodes || question.isUncertain;
    if (judgement !== "uncertain") return true;
    question.isUncertain ||= question.changes;
    return question.isRepeatable;
  }

  async #wait(question: Question, round: number): Promise<void> {
    const { clock, random } = this.#ports;
    const most = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** Math.min(round, 10));
    const leftMs = question.deadlineMs - clock.monotonic();
    await pause(clock, Math.min(Math.max(0, leftMs), most * (0.5 + random.next() / 2)), question.signal);
  }

  #requireTime(question: Question): void {
    const { deadlineMs, signal, timeoutMs, title } = question;
    if (signal?.aborted) throw new Failure("rpc.cancelled", `${title}: given up`, { cause: signal.reason });
    if (this.#ports.clock.monotonic() < deadlineMs) return;
    throw lateFailure(title, timeoutMs, question);
  }
}

/** Refused for the moment: to be asked again under another number. */
const BUSY = Symbol("busy");
