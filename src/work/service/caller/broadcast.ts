/** One call to every node that offers the service: side by side, each asked once, each answering for itself. */
import { toFailure } from "../../../base/errors.ts";
import type { BroadcastAnswer } from "../../../process/service/index.ts";
import { type Catalogue, hasTags, isCallable, type Place } from "../registry/index.ts";
import type { DoorCall } from "../words/index.ts";
import { BROADCAST_PARALLEL } from "./limits.ts";
import { judge, tellable, unsent } from "./outcome.ts";

/** The place of the preferred version on each node. */
export function placesOf(catalogue: Catalogue, { service, tags = [] }: DoorCall): readonly Place[] {
  const byNode = new Map<string, Place>();
  for (const place of catalogue.fitting(service).flatMap(({ places }) => places)) {
    if (!hasTags(place.offer.description.tags, tags)) continue;
    const other = byNode.get(place.node);
    if (!other || (!isCallable(other) && isCallable(place))) byNode.set(place.node, place);
  }
  return [...byNode.values()];
}

/** In the order of the places. */
export async function askAll(
  places: readonly Place[],
  call: DoorCall,
  ask: (place: Place) => Promise<Uint8Array>,
): Promise<readonly BroadcastAnswer[]> {
  const answers: BroadcastAnswer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < places.length; at = next++) answers[at] = await askOne(places[at]!, call, ask);
  };
  await Promise.all(Array.from({ length: Math.min(BROADCAST_PARALLEL, places.length) }, work));
  return answers;
}

async function askOne(
  place: Place,
  call: DoorCall,
  ask: (place: Place) => Promise<Uint8Array>,
): Promise<BroadcastAnswer> {
  const { node } = place;
  const what = `${call.service}.${call.method}`;
  try {
    if (!isCallable(place)) throw unsent(what, node, "no healthy process of it can be reached").failure;
    const result: unknown = JSON.parse(new TextDecoder().decode(await ask(place)));
    return { node, ok: true, result };
  } catch (thrown) {
    const { code, message } = tellable(judge(toFailure(thrown, "service.bad_answer"), what, node, false).failure);
    return { node, ok: false, error: { code, message } };
  }
}
