/**
 * A first-in first-out queue whose elements are all different, with visibility: an element that was dequeued is out until it is acknowledged,
 * given back, or its time is over. What is linearizable of it: an element becomes ready at its enqueue; a dequeue gives the oldest
 * ready element; ack removes it; nack makes it ready at its old place. A time-out makes it ready at a moment that no history shows:
 * with `redelivers` a dequeue may give an element that is out, though every older one must be out too or gone.
 * An "empty" says that nothing is ready.
 *
 * The search decides on 1,500 operations of 50 clients when all outcomes are known and nothing comes back by itself, and on a few hundred
 * otherwise; beyond that it may answer `unknown`. `checkDelivery` says what a queue promises its users and decides always.
 */
import type { Model } from "../operation.ts";
import { elementOrder, guessOrder, refuteElements } from "./queue-order.ts";
import type { QueueInput, QueueOperation, QueueOutput } from "./queue-words.ts";

export interface QueueOptions {
  /** Whether elements come back by themselves. Without it a dequeue removes nothing more than visibility, for ever. */
  readonly redelivers: boolean;
}

interface Slot {
  readonly element: string;
  readonly isOut: boolean;
  /** Of the delivery that counts, where it is known. */
  readonly receipt: number | undefined;
}

export type QueueState = readonly Slot[];

export function queueModel({ redelivers }: QueueOptions): Model<QueueState, QueueInput, QueueOutput> {
  return {
    name: "queue",
    initial: [],
    step: (state, operation) => stepOf(state, operation, redelivers),
    stateKey: (state) => state.map(({ element, isOut, receipt }) => JSON.stringify([element, isOut, receipt])).join(),
    isReadOnly: ({ input: { kind }, output, returnMs }) =>
      returnMs !== undefined && (kind === "dequeue" ? output === null : !redelivers && output === false),
    twinKey: ({ input, output, returnMs }) => JSON.stringify([input, returnMs === undefined ? null : output]),
    order: (operations) => elementOrder(operations, redelivers),
    /** An acknowledgement takes nothing from anybody; an enqueue only from who finds the queue empty. */
    eager: [
      ({ input: { kind }, returnMs }) => returnMs !== undefined && (kind === "enqueue" || kind === "ack"),
      ({ input: { kind }, returnMs }) => returnMs !== undefined && kind === "ack",
    ],
    guess: (operations) => guessOrder(operations, redelivers),
    refute: (operations) => refuteElements(operations, redelivers),
  };
}

function stepOf(state: QueueState, operation: QueueOperation, redelivers: boolean): QueueState | undefined {
  const { input, output, returnMs } = operation;
  const isKnown = returnMs !== undefined;
  if (input.kind === "enqueue") return [...state, { element: input.element, isOut: false, receipt: undefined }];
  if (input.kind === "dequeue") return isKnown ? dequeue(state, output, redelivers) : dequeueOldest(state);
  const at = state.findIndex(({ element }) => element === input.element);
  const slot = state[at];
  const counts = slot?.isOut === true && isReceipt(slot, input.receipt);
  if (isKnown && output === false) {
    if (!counts) return state;
    return redelivers ? state.with(at, { ...slot, isOut: false, receipt: undefined }) : undefined;
  }
  if (!counts) return undefined;
  return input.kind === "ack" ? state.toSpliced(at, 1) : state.with(at, { ...slot, isOut: false, receipt: undefined });
}

const isReceipt = ({ receipt }: Slot, claimed: number | undefined): boolean =>
  receipt === undefined || claimed === undefined || receipt === claimed;

function dequeue(state: QueueState, output: QueueOutput | undefined, redelivers: boolean): QueueState | undefined {
  const oldest = state.findIndex(({ isOut }) => !isOut);
  if (output === null) return oldest === -1 ? state : undefined;
  if (typeof output !== "object") return undefined;
  const at = state.findIndex(({ element }) => element === output.element);
  if (at === -1 || (oldest !== -1 && oldest < at)) return undefined;
  if (state[at]!.isOut && !redelivers) return undefined;
  return state.with(at, { element: output.element, isOut: true, receipt: output.receipt });
}

function dequeueOldest(state: QueueState): QueueState | undefined {
  const at = state.findIndex(({ isOut }) => !isOut);
  return at === -1 ? undefined : state.with(at, { ...state[at]!, isOut: true, receipt: undefined });
}
