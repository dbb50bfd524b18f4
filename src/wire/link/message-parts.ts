/** Messages that have come, looked at before anything in their frame is carried out; and what users say, before it is sent. */
import { Failure, textOf } from "../../base/errors.ts";
import { malformed } from "../codec/index.ts";
import { REQUEST_TIMEOUT_MS, REQUEST_TIMEOUT_MS_MAX, TOPIC_CHARS_MAX, TRACEPARENT_CHARS_MAX } from "./limits.ts";
import {
  ABORT,
  BEAT,
  BULK,
  CANCEL,
  CHUNK,
  CREDIT,
  DATA,
  END,
  ERROR,
  GOAWAY,
  type Message,
  NOTIFY,
  OPEN,
  PAYLOAD_AT,
  REQUEST,
  RESPONSE,
} from "./message.ts";

/** Throws `link.malformed` when the message does not have the form of its kind; payloads have none. */
export function requireForm(message: unknown): asserts message is Message {
  if (!Array.isArray(message)) throw malformed("a message is no array");
  switch (message[0]) {
    case REQUEST:
      requireWhole(message, 1);
      requireTopic(message, 2);
      requireWhole(message, 3);
      return requireTrace(message, 5);
    case NOTIFY:
      requireTopic(message, 1);
      return requireTrace(message, 3);
    case OPEN:
      requireWhole(message, 1);
      requireTopic(message, 2);
      return requireTrace(message, 4);
    case RESPONSE:
    case ERROR:
    case CANCEL:
    case END:
    case ABORT:
      return requireWhole(message, 1);
    case CREDIT:
    case CHUNK:
      requireWhole(message, 1);
      return requireWhole(message, 2);
    case DATA:
      requireWhole(message, 1);
      if (message[2] instanceof Uint8Array) return;
      throw malformed(`stream ${message[1]} brings no bytes`);
    case BULK:
      return requireBulk(message);
    case BEAT:
    case GOAWAY:
      return;
    default:
      throw malformed(`kind ${textOf(message[0])} of a message is not known`);
  }
}

function requireBulk(message: Message): void {
  for (const at of [1, 2, 3]) requireWhole(message, at);
  const announced = message[4];
  requireForm(announced);
  const [kind] = announced;
  if (PAYLOAD_AT[kind as number] === undefined) throw malformed(`kind ${textOf(kind)} has no large payload`);
}

function requireWhole(message: Message, at: number): void {
  const value = message[at];
  if (Number.isInteger(value) && (value as number) >= 0) return; // an integer is a number
  throw malformed(`element ${at} of a message of kind ${textOf(message[0])} is no whole number`);
}

function requireTopic(message: Message, at: number): void {
  const value = message[at];
  if (typeof value === "string" && value.length <= TOPIC_CHARS_MAX) return;
  throw malformed(`a message of kind ${textOf(message[0])} has no topic`);
}

function requireTrace(message: Message, at: number): void {
  const value = message[at];
  if (value === undefined || (typeof value === "string" && value.length <= TRACEPARENT_CHARS_MAX)) return;
  throw malformed("a traceparent is no text, or too long");
}

/** The other side would take a fault here for a malformed frame, and end the link for everybody. */
export function requireSendable(topic: string, traceparent: string | undefined): void {
  if (typeof topic !== "string" || topic.length > TOPIC_CHARS_MAX) {
    throw invalid(`topic ${told(topic)} is none; a text of at most ${TOPIC_CHARS_MAX} characters is required`);
  }
  if (traceparent === undefined) return;
  if (typeof traceparent !== "string" || traceparent.length > TRACEPARENT_CHARS_MAX) {
    const required = `a text of at most ${TRACEPARENT_CHARS_MAX} characters is required`;
    throw invalid(`${topic}: traceparent ${told(traceparent)} is none; ${required}`);
  }
}

/** How long is waited: what is longer than the longest is that. */
export function spanOf(topic: string, timeoutMs: number | undefined): number {
  if (timeoutMs === undefined) return REQUEST_TIMEOUT_MS;
  if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs)) {
    throw invalid(`${topic}: timeoutMs is ${told(timeoutMs)}; a number of milliseconds is required`);
  }
  return Math.min(Math.max(0, timeoutMs), REQUEST_TIMEOUT_MS_MAX);
}

function invalid(what: string): Failure {
  return new Failure("link.invalid", what);
}

function told(value: unknown): string {
  return textOf(typeof value === "string" ? JSON.stringify(value) : value).slice(0, 80);
}
