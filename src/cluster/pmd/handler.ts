/**
 * From request to response: who are you (for everybody), watch and the contract (for who shows a token). Every answer to a
 * nonce carries the proof that it comes from a holder of the key, on this port, in this life. Opens no ports.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { Dispatcher, implement, type Service, serveContracts } from "../../wire/rpc/index.ts";
import { type EndReason, type PmdStatus, pmdContract, type Snapshot } from "./contract.ts";
import { eventText } from "./event-stream.ts";
import {
  authenticate,
  callAudience,
  IDENTITY_PATH,
  isNonce,
  NONCE_HEADER,
  type PmdAuth,
  PROOF_HEADER,
  proofAudience,
  SERVICE,
  WATCH_PATH,
} from "./identity.ts";
import { PMD_HOST } from "./limits.ts";
import type { PeerChange } from "./peer.ts";
import type { Registrar } from "./registrar.ts";
import type { WatchHub } from "./watch-hub.ts";

export interface HandlerParts {
  readonly registrar: Registrar;
  readonly hub: WatchHub;
  readonly auth: PmdAuth;
  readonly clock: Clock;
  readonly self: Pick<PmdStatus, "pid" | "version" | "life" | "port">;
  readonly kill: () => void;
  readonly report?: ((what: string, thrown: unknown) => void) | undefined;
}

export interface Connection {
  /** The connection is no longer to be kept for a reader that does not read. */
  readonly letGo: () => void;
}

export function createHandler(parts: HandlerParts): (request: Request, connection: Connection) => Promise<Response> {
  const { auth, clock, report, self } = parts;
  const audience = callAudience(self.port, self.life);
  const options = { clock, ...(report && { report }) };
  const calls = serveContracts(new Dispatcher([pmdService(parts)], options), {
    clock,
    authenticate: (request) => authenticate(request, auth, audience),
  });
  const answer = async (request: Request, connection: Connection): Promise<Response> => {
    const { pathname } = new URL(request.url);
    requireLocal(request, self.port);
    if (pathname === IDENTITY_PATH) return json(200, { service: SERVICE, ...identityOf(parts) });
    if (pathname !== WATCH_PATH) return calls(request);
    await authenticate(request, auth, audience);
    return watch(parts, connection);
  };
  return async (request, connection) => {
    const response = await answer(request, connection).catch((thrown) => refusal(toFailure(thrown, "rpc.defect")));
    return proven(response, request, parts);
  };
}

/** What a watcher is told of a change. */
export function changeText({ kind, ...change }: PeerChange): string {
  return eventText(`peer:${kind}`, change);
}

export function endText(reason: EndReason): string {
  return eventText("end", { reason, message: END_WORDS[reason] });
}

const END_WORDS: Readonly<Record<EndReason, string>> = {
  killed: "the port mapper was told to end",
  stopping: "the port mapper ends",
  slow: "this watcher did not keep up with the changes; connect again for a new snapshot",
};

function pmdService({ registrar, hub, self, kill }: HandlerParts): Service {
  return implement(pmdContract, {
    register: (peer) => ({ outcome: registrar.register(peer), ttlMs: peer.ttlMs }),
    heartbeat: ({ nodeId }) => ({ ttlMs: registrar.heartbeat(nodeId).ttlMs }),
    unregister: ({ nodeId }) => ({ wasThere: registrar.unregister(nodeId) }),
    resolve: ({ alias }) => registrar.resolve(alias),
    list: () => ({ peers: registrar.list() }),
    status: () => ({
      ...self,
      uptimeMs: registrar.uptimeMs,
      peers: registrar.list().length,
      watchers: hub.size,
      counts: { ...registrar.counts, droppedWatchers: hub.dropped },
    }),
    kill: () => {
      kill();
      return { pid: self.pid };
    },
  });
}

/** List first, then subscribe, in one turn: no change falls between the two. */
function watch({ registrar, hub, self }: HandlerParts, { letGo }: Connection): Response {
  const peers = registrar.list().map(({ ageMs, silentMs, ...peer }) => peer);
  const snapshot: Snapshot = { life: self.life, ageMs: registrar.uptimeMs, peers };
  const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
  return new Response(hub.open(eventText("snapshot", snapshot), letGo), { headers });
}

function identityOf({ self: { version, pid, life } }: HandlerParts) {
  return { version, pid, life };
}

/** A web page of a foreign site has its own host or origin in its requests, even when its name leads here. */
function requireLocal({ headers }: Request, port: number): void {
  const host = headers.get("host") ?? "";
  const isLocal = host === `${PMD_HOST}:${port}` || host === `localhost:${port}`;
  if (isLocal && !headers.has("origin")) return;
  const from = headers.get("origin") ?? `host ${host}`;
  const message = `a request of ${JSON.stringify(from.slice(0, 100))} is not taken; one to ${PMD_HOST}:${port} without an origin is required`;
  throw new Failure("rpc.forbidden", message);
}

async function proven(response: Response, request: Request, { auth, self }: HandlerParts): Promise<Response> {
  const nonce = request.headers.get(NONCE_HEADER);
  if (nonce !== null && isNonce(nonce)) {
    response.headers.set(PROOF_HEADER, await auth.token(proofAudience(self.port, self.life, nonce)));
  }
  return response;
}

function refusal(failure: Failure): Response {
  const status = { "rpc.unauthenticated": 401, "rpc.forbidden": 403 }[failure.code] ?? (failure.retryable ? 503 : 500);
  return json(status, failure);
}

function json(status: number, value: unknown): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}
