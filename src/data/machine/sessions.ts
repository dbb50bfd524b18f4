/**
 * Exactly once: the outcome of each command is kept under its session and sequence until the client has told that it was received, and
 * is given again instead of applying the command again. A session begins with its first command and ends by silence on the group's
 * clock. A sequence whose outcome was let go (`data.answer_gone`), or whose session was (`data.session_expired`), is refused: it is
 * never applied twice.
 */
import { inPieces, listOf, pieceFault, wholeOf } from "../structure/index.ts";
import {
  type Moment,
  type Outcome,
  RECORD_BYTES,
  type Refused,
  refused,
  SESSION_SILENCE_MS_MIN,
  SESSION_WINDOW,
  type SessionMark,
  type Structure,
} from "../words/index.ts";
import { ANSWERS_BYTES_MAX, SESSION_ANSWERS_BYTES_MAX, SESSION_SILENCE_MS, SESSIONS_MAX } from "./limits.ts";
import { type Linked, Order } from "./order.ts";
import { outcomeBytes, readOutcome, writeOutcome } from "./outcomes.ts";

export interface SessionBounds {
  readonly silenceMs?: number;
  readonly sessionsMax?: number;
  readonly answersBytesMax?: number;
  readonly sessionAnswersBytesMax?: number;
}

interface Answer extends Linked<Answer> {
  readonly session: Session;
  readonly sequence: number;
  /** Of the log. */
  readonly index: number;
  /** Undefined: applied, and the answer was too much to keep. Then it is in no order. */
  outcome: Outcome | undefined;
  bytes: number;
}

interface Session extends Linked<Session> {
  readonly id: string;
  heardMs: number;
  received: number;
  answersBytes: number;
  /** As they were given. */
  readonly answers: Map<number, Answer>;
}

/** A session, and behind it its answers. */
type Row =
  | readonly [id: string, heardMs: number, received: number]
  | readonly [sequence: number, index: number, outcome: Outcome | undefined, bytes: number];

export class Sessions implements Structure {
  readonly name = "sessions";
  /** A session that has ended goes with the next command: nothing depends on the moment. */
  readonly nextDueMs = undefined;
  readonly #bounds: Required<SessionBounds>;
  #sessions = new Map<string, Session>();
  /** As they were heard last. */
  #heard = new Order<Session>();
  /** As they were given, of all sessions. */
  #given = new Order<Answer>();
  #answers = 0;
  #answersBytes = 0;
  #idsBytes = 0;

  constructor(bounds: SessionBounds = {}) {
    this.#bounds = {
      silenceMs: bounds.silenceMs ?? SESSION_SILENCE_MS,
      sessionsMax: bounds.sessionsMax ?? SESSIONS_MAX,
      answersBytesMax: bounds.answersBytesMax ?? ANSWERS_BYTES_MAX,
      sessionAnswersBytesMax: bounds.sessionAnswersBytesMax ?? SESSION_ANSWERS_BYTES_MAX,
    };
  }

  get size(): number {
    return this.#sessions.size;
  }

  get sizeBytes(): number {
    return (2 * this.#sessions.size + this.#answers) * RECORD_BYTES + this.#idsBytes + this.#answersBytes;
  }

  advance({ nowMs }: Moment): void {
    const endedMs = nowMs - this.#bounds.silenceMs;
    for (let first = this.#heard.first; first !== undefined && first.heardMs <= endedMs; first = this.#heard.first) {
      this.#end(first);
    }
  }

  /** What to answer instead of applying the command; undefined: apply it, and `keep` its outcome. */
  begin(mark: SessionMark, moment: Moment): Outcome | undefined {
    const session = this.#sessions.get(mark.session) ?? this.#create(mark, moment);
    if ("ok" in session) return session;
    this.#heard.remove(session);
    session.heardMs = moment.nowMs;
    this.#heard.append(session);
    const { sequence } = mark;
    if (sequence <= session.received) return gone(mark, `answers up to ${session.received} were received`);
    this.#forget(session, mark.received);
    const answer = session.answers.get(sequence);
    if (answer !== undefined) return answer.outcome ?? gone(mark, "it was applied, its answer was too much to keep");
    if (sequence <= session.received + SESSION_WINDOW) return undefined;
    const what = `command ${sequence} of session ${mark.session}: answers up to ${session.received} were received`;
    return refused("data.session_window", `${what}, at most ${SESSION_WINDOW} more are taken`, true);
  }

  /** Behind a `begin` that gave nothing. */
  keep({ session: id, sequence }: SessionMark, outcome: Outcome, { index }: Moment): void {
    const session = this.#sessions.get(id)!; // `begin` has made sure
    this.#add(session, sequence, index, outcome, outcomeBytes(outcome));
    const { answersBytesMax, sessionAnswersBytesMax } = this.#bounds;
    if (session.answersBytes > sessionAnswersBytesMax) {
      for (const answer of session.answers.values()) {
        this.#strip(answer);
        if (session.answersBytes <= sessionAnswersBytesMax) break;
      }
    }
    while (this.#answersBytes > answersBytesMax && this.#given.first !== undefined) this.#strip(this.#given.first);
  }

  capture(): Iterable<unknown> {
    const rows: Row[] = [];
    for (const { id, heardMs, received, answers } of this.#heard) {
      rows.push([id, heardMs, received]);
      for (const { sequence, index, outcome, bytes } of answers.values()) rows.push([sequence, index, outcome, bytes]);
    }
    return inPieces(rows, writeRow, rowBytes);
  }

  restore(pieces: Iterable<unknown>): void {
    this.#clear();
    let session: Session | undefined;
    for (const piece of pieces) {
      for (const row of listOf(piece, "a piece of sessions")) {
        const [first, second, third] = listOf(row, "a session or an answer", 3);
        if (typeof first === "string") session = this.#restoreSession(first, second, third);
        else if (session !== undefined) this.#restoreAnswer(session, first, second, third);
        else throw pieceFault("the session of an answer", undefined, "one before it");
      }
    }
    const given = [...this.#sessions.values()].flatMap(({ answers }) => [...answers.values()]);
    this.#given = new Order();
    given.sort((left, right) => left.index - right.index);
    for (const answer of given) if (answer.outcome !== undefined) this.#given.append(answer);
  }

  #clear(): void {
    this.#sessions = new Map();
    this.#heard = new Order();
    this.#given = new Order();
    this.#answers = 0;
    this.#answersBytes = 0;
    this.#idsBytes = 0;
  }

  /** The first one to be heard of it need not be its first command: they may overtake each other. */
  #create(mark: SessionMark, { nowMs }: Moment): Session | Refused {
    const { session: id, sequence, received } = mark;
    if (received > 0 || sequence > SESSION_WINDOW) return expired(mark, "the session has ended or was never begun");
    if (this.#sessions.size >= this.#bounds.sessionsMax) {
      const silent = this.#heard.first;
      if (silent === undefined || silent.heardMs > nowMs - SESSION_SILENCE_MS_MIN) {
        const what = `beginning session ${id}: the group has ${this.#sessions.size}, at most ${this.#bounds.sessionsMax}`;
        return refused("data.sessions_full", what, true);
      }
      this.#end(silent);
    }
    return this.#open(id, nowMs, 0);
  }

  #open(id: string, heardMs: number, received: number): Session {
    const links = { before: undefined, after: undefined };
    const session: Session = { id, heardMs, received, answersBytes: 0, answers: new Map(), ...links };
    this.#sessions.set(id, session);
    this.#heard.append(session);
    this.#idsBytes += id.length;
    return session;
  }

  #end(session: Session): void {
    for (const answer of session.answers.values()) this.#remove(answer);
    this.#sessions.delete(session.id);
    this.#heard.remove(session);
    this.#idsBytes -= session.id.length;
  }

  /** A client that says it has received more than it can have costs itself the answers, and nobody else anything. */
  #forget(session: Session, received: number): void {
    if (received <= session.received) return;
    if (received - session.received <= session.answers.size) {
      for (let sequence = session.received + 1; sequence <= received; sequence++) {
        const answer = session.answers.get(sequence);
        if (answer !== undefined) this.#remove(answer);
      }
    } else for (const answer of session.answers.values()) if (answer.sequence <= received) this.#remove(answer);
    session.received = received;
  }

  #add(session: Session, sequence: number, index: number, outcome: Outcome | undefined, bytes: number): void {
    const answer: Answer = { session, sequence, index, outcome, bytes, before: undefined, after: undefined };
    session.answers.set(sequence, answer);
    session.answersBytes += bytes;
    this.#answersBytes += bytes;
    this.#answers++;
    if (outcome !== undefined) this.#given.append(answer);
  }

  #remove(answer: Answer): void {
    this.#strip(answer);
    answer.session.answers.delete(answer.sequence);
    this.#answers--;
  }

  /** That it was applied stays known. */
  #strip(answer: Answer): void {
    if (answer.outcome === undefined) return;
    this.#given.remove(answer);
    answer.session.answersBytes -= answer.bytes;
    this.#answersBytes -= answer.bytes;
    answer.outcome = undefined;
    answer.bytes = 0;
  }

  #restoreSession(id: string, heard: unknown, received: unknown): Session {
    if (this.#sessions.has(id)) throw pieceFault("the id of a session", id, "each once");
    return this.#open(id, wholeOf(heard, "when a session was heard"), wholeOf(received, "what a session has received"));
  }

  #restoreAnswer(session: Session, number: unknown, at: unknown, written: unknown): void {
    const sequence = wholeOf(number, "the sequence of an answer", session.received + 1);
    if (session.answers.has(sequence)) throw pieceFault("the sequence of an answer", sequence, "each once");
    const outcome = written === null ? undefined : readOutcome(written);
    const bytes = outcome === undefined ? 0 : outcomeBytes(outcome);
    this.#add(session, sequence, wholeOf(at, "the index of an answer"), outcome, bytes);
  }
}

/** It may have been applied, or not: nobody can tell any more, but the client was told. */
function gone({ session, sequence }: SessionMark, why: string): Refused {
  return refused("data.answer_gone", `command ${sequence} of session ${session} is not applied again: ${why}`);
}

/** Never applied, unless the client has waited longer than it may. */
function expired({ session, sequence }: SessionMark, why: string): Refused {
  return refused("data.session_expired", `command ${sequence} of session ${session} is not applied: ${why}`);
}

function writeRow(row: Row): unknown {
  if (row.length === 3) return row;
  const [sequence, index, outcome] = row;
  return [sequence, index, outcome === undefined ? null : writeOutcome(outcome)];
}

function rowBytes(row: Row): number {
  return row.length === 3 ? row[0].length + 16 : row[3] + 16;
}
