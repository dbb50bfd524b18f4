/**
 * How a master asks its workers: patiently, where the way was to blame and nothing was done, and in pieces, where something is
 * too large for one message.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { toFailure } from "../../../base/errors.ts";
import { isInPlace, type Lying } from "./contents.ts";
import { fetchReply, type LeaseReply, readMessage, TOPICS } from "./messages.ts";
import { fetchPieces, type Part, type PartName, putPieces } from "./parts.ts";
import type { WorkerHandle } from "./worker-pool.ts";

/** The first time at once, then every so often: a full buffer drains in less, and of a link that is gone for good we are told. */
const RETRY_MS = 250;
const TRIES_MAX = 20;
/** One piece, over a link that others use as well. */
const PIECE_TIMEOUT_MS = 60_000;

/** Of two links to the same process one was given up, or there was no room: whoever may ask twice asks again. */
export const GAVE_WAY: readonly string[] = ["link.closed", "link.overloaded"];
/** Nothing was done, whatever it was. */
export const NO_ROOM: readonly string[] = ["link.overloaded"];

/** Asks again as long as that is wanted. */
export async function askPatiently<T>(
  clock: Clock,
  codes: readonly string[],
  ask: () => Promise<T> | T,
  isWanted: () => boolean,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (thrown) {
      if (!codes.includes(toFailure(thrown, "work.failed").code) || tries >= TRIES_MAX || !isWanted()) throw thrown;
      if (tries > 1) await pause(clock, RETRY_MS);
    }
  }
}

export interface PartAddress {
  readonly clock: Clock;
  readonly worker: WorkerHandle;
  readonly deployment: string;
  readonly lease?: number;
  isWanted(): boolean;
}

/** All of them lie at the worker when it resolves. */
export async function putParts(to: PartAddress, apart: readonly Uint8Array[]): Promise<void> {
  const { clock, deployment, isWanted, lease, worker } = to;
  for (const [part, view] of apart.entries()) {
    await putPieces(view, (offset, piece) => {
      const message = { deployment, ...(lease !== undefined && { lease }), part, bytes: view.length, offset, piece };
      return askPatiently(clock, GAVE_WAY, () => worker.request(TOPICS.put, message, PIECE_TIMES), isWanted);
    });
  }
}

/** An answer with all that belongs to it. */
export interface WholeReply extends Omit<LeaseReply, "content" | "dead" | "states"> {
  readonly content: Lying;
  readonly dead: readonly Uint8Array[];
  readonly states: readonly (readonly [string, Uint8Array])[];
}

/** Whether nothing of it has to be fetched. */
export function isWhole(reply: LeaseReply): boolean {
  const parts = [...reply.dead, ...reply.states.map(([, state]) => state)];
  return parts.every(isBytes) && (isBytes(reply.content) || isInPlace(reply.content));
}

export async function wholeReply(
  from: PartAddress & { readonly lease: number },
  reply: LeaseReply,
): Promise<WholeReply> {
  const { content } = reply;
  const dead: Uint8Array[] = [];
  for (const part of reply.dead) dead.push(await wholePart(from, part));
  const states: [string, Uint8Array][] = [];
  for (const [name, part] of reply.states) states.push([name, await wholePart(from, part)]);
  return { ...reply, dead, states, content: isInPlace(content) ? content : await wholePart(from, content) };
}

function wholePart({ clock, deployment, isWanted, lease, worker }: PartAddress, part: Part): Promise<Uint8Array> {
  if (isBytes(part)) return Promise.resolve(part);
  return fetchPieces(part, async (offset) => {
    const message = { deployment, lease, part: part.part, offset };
    const piece = await askPatiently(
      clock,
      GAVE_WAY,
      () => worker.request(TOPICS.fetch, message, PIECE_TIMES),
      isWanted,
    );
    return readMessage(fetchReply, piece, `a piece of worker ${worker.id}`);
  });
}

const PIECE_TIMES = { timeoutMs: PIECE_TIMEOUT_MS };

function isBytes(part: Part | PartName | object): part is Uint8Array {
  return part instanceof Uint8Array;
}
