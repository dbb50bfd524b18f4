/** What commands ask of a port mapper beyond its methods. They start none. */

import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import { NOT_RUNNING, type Peer, type PeerListing, type PmdStatus } from "../../cluster/pmd/index.ts";
import { openPmdClient, type PmdPlace } from "./open-pmd.ts";

/** Undefined when none runs; fails when somebody else holds the port. */
export async function pmdStatus(place: PmdPlace): Promise<PmdStatus | undefined> {
  try {
    return await openPmdClient(place).status();
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === NOT_RUNNING) return undefined;
    throw thrown;
  }
}

/** Fails with `pmd.not_found`, with the alias that may have been meant. */
export async function resolveAlias(place: PmdPlace, alias: string): Promise<PeerListing> {
  const client = openPmdClient(place);
  try {
    return await client.resolve(alias);
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== "pmd.not_found") throw thrown;
    const known = (await client.list()).map((peer) => peer.alias);
    const meant = nearMiss(alias, known);
    throw meant === undefined ? thrown : new Failure(thrown.code, `${thrown.message}; did you mean ${meant}?`);
  }
}

export type PeerEvent =
  | { readonly event: "connected"; readonly life: string }
  | { readonly event: "disconnected"; readonly reason: string; readonly message?: string | undefined }
  | { readonly event: "peer:join" | "peer:update" | "peer:leave"; readonly peer: Peer; readonly reason?: string };

/** A reader that does not keep up is not allowed to fill memory: beyond it the watch has failed. */
const EVENTS_WAITING_MAX = 100_000;

/** Until the signal aborts. Fails at once when there is no port mapper to begin with. */
export async function* watchPeers(place: PmdPlace, signal: AbortSignal): AsyncGenerator<PeerEvent> {
  const client = openPmdClient(place);
  await client.identify();
  const waiting: PeerEvent[] = [];
  let wake = (): void => {};
  const tell = (event: PeerEvent): void => {
    waiting.push(event);
    wake();
  };
  let isDown = false;
  const watch = client.watch({
    changed: ({ kind, ...change }) => tell({ event: `peer:${kind}`, ...change }),
    connected: (life) => {
      isDown = false;
      tell({ event: "connected", life });
    },
    disconnected: (reason, failure) => {
      if (!isDown) tell({ event: "disconnected", reason, message: failure?.message });
      isDown = true; // each further try is no news
    },
  });
  signal.addEventListener("abort", () => wake(), { once: true });
  try {
    while (!signal.aborted) {
      if (waiting.length > EVENTS_WAITING_MAX) throw tooMany();
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    await watch.close();
  }
}

function tooMany(): Failure {
  return new Failure(
    "pmd.watch_overflow",
    `more than ${EVENTS_WAITING_MAX} events wait to be read; a faster reader is required`,
  );
}
