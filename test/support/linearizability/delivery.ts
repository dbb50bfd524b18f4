/**
 * What a queue promises its users, checked without a search, whatever is redelivered and however long the history is: each acknowledged
 * enqueue comes out, nothing else does, first deliveries keep the order of enqueues, nothing is acknowledged twice or comes out after
 * that, and "empty" is said only when nothing waits. It finds only what is certain: a dequeue with an unknown outcome may have taken any
 * one element, so one broken order or one false "empty" is forgiven for each that was called in time.
 */
import type { QueueOperation } from "./models/queue-words.ts";

export interface DeliveryOptions {
  /** The queue was emptied at the end by dequeues of the history: what has not come out by then is lost. */
  readonly isDrained: boolean;
}

export interface DeliveryFault {
  readonly why: string;
  readonly culprits: readonly QueueOperation[];
}

/** Of one element. */
interface Track {
  readonly enqueues: QueueOperation[];
  readonly deliveries: QueueOperation[];
  readonly acks: QueueOperation[];
}

/** Nothing when the history keeps every promise. */
export function checkDelivery(operations: readonly QueueOperation[], { isDrained }: DeliveryOptions): DeliveryFault[] {
  return [...Map.groupBy(operations, ({ key }) => key).values()].flatMap((history) => {
    const tracks = [...tracksOf(history).values()];
    const blind = history.filter(({ input, returnMs }) => input.kind === "dequeue" && returnMs === undefined);
    return [...tracks.flatMap(lifeFaults), ...skipFaults(tracks, blind), ...emptyFaults(history, tracks, blind)].concat(
      isDrained ? losses(tracks, blind) : [],
    );
  });
}

function tracksOf(history: readonly QueueOperation[]): Map<string, Track> {
  const tracks = new Map<string, Track>();
  const trackOf = (element: string): Track => {
    const track = tracks.get(element) ?? { enqueues: [], deliveries: [], acks: [] };
    tracks.set(element, track);
    return track;
  };
  for (const operation of history) {
    const { input, output, returnMs } = operation;
    if (input.kind === "enqueue") trackOf(input.element).enqueues.push(operation);
    else if (returnMs === undefined) continue;
    else if (input.kind === "ack" && output === true) trackOf(input.element).acks.push(operation);
    else if (input.kind === "dequeue" && output !== null && typeof output === "object") {
      trackOf(output.element).deliveries.push(operation);
    }
  }
  for (const { deliveries } of tracks.values()) deliveries.sort((a, b) => a.returnMs! - b.returnMs!);
  return tracks;
}

const isBefore = (a: QueueOperation, b: QueueOperation): boolean => (a.returnMs ?? Infinity) < b.callMs;

function lifeFaults({ enqueues, deliveries, acks }: Track): DeliveryFault[] {
  const faults: DeliveryFault[] = [];
  const [enqueue, rival] = enqueues;
  if (rival)
    faults.push({ why: "elements must differ for this check, and this one was enqueued twice", culprits: enqueues });
  if (!enqueue) faults.push({ why: "nobody has enqueued it", culprits: [...deliveries, ...acks] });
  for (const delivery of deliveries) {
    if (enqueue && isBefore(delivery, enqueue))
      faults.push({ why: "it came out before it went in", culprits: [delivery, enqueue] });
    const ack = acks.find((each) => isBefore(each, delivery));
    if (ack) faults.push({ why: "it came out after it was acknowledged", culprits: [ack, delivery] });
  }
  if (acks.length > 1) faults.push({ why: "it was acknowledged twice", culprits: acks });
  return faults;
}

/** Waiting elements that something has passed by, more than unknown dequeues can have taken. */
function passed(
  operation: QueueOperation,
  waiting: readonly Track[],
  blind: readonly QueueOperation[],
  why: string,
): DeliveryFault[] {
  const forgiven = blind.filter(({ callMs }) => callMs < operation.returnMs!).length;
  if (waiting.length <= forgiven) return [];
  return [
    {
      why,
      culprits: [
        operation,
        ...waiting.slice(0, 3).flatMap(({ enqueues, deliveries }) => [enqueues[0]!, ...deliveries.slice(0, 1)]),
      ],
    },
  ];
}

/** In at the time, and certainly not out before: neither delivered by then nor acknowledged. */
function isWaiting({ enqueues, deliveries, acks }: Track, from: QueueOperation, until: QueueOperation): boolean {
  return (
    enqueues[0] !== undefined &&
    isBefore(enqueues[0], from) &&
    deliveries.every((delivery) => isBefore(until, delivery)) &&
    acks.every((ack) => isBefore(until, ack))
  );
}

function skipFaults(tracks: readonly Track[], blind: readonly QueueOperation[]): DeliveryFault[] {
  return tracks.flatMap((track) => {
    const [enqueue, first] = [track.enqueues[0], track.deliveries[0]];
    if (!enqueue || !first) return [];
    const waiting = tracks.filter((other) => other !== track && isWaiting(other, enqueue, first));
    return passed(first, waiting, blind, "it came out while an older one was waiting");
  });
}

function emptyFaults(
  history: readonly QueueOperation[],
  tracks: readonly Track[],
  blind: readonly QueueOperation[],
): DeliveryFault[] {
  const empties = history.filter(({ input, output, returnMs }) => {
    return input.kind === "dequeue" && returnMs !== undefined && output === null;
  });
  return empties.flatMap((empty) => {
    const waiting = tracks.filter((track) => isWaiting(track, empty, empty));
    return passed(empty, waiting, blind, "it said that nothing was there while an element was waiting");
  });
}

function losses(tracks: readonly Track[], blind: readonly QueueOperation[]): DeliveryFault[] {
  const lost = tracks.filter(({ enqueues, deliveries, acks }) => {
    return enqueues[0]?.returnMs !== undefined && deliveries.length === 0 && acks.length === 0;
  });
  if (lost.length <= blind.length) return [];
  return [
    { why: `${lost.length} acknowledged elements never came out`, culprits: lost.flatMap(({ enqueues }) => enqueues) },
  ];
}
