/**
 * Contracts over HTTP: `POST /rpc/CONTRACT/METHOD` with JSON in and out, `GET /rpc[/CONTRACT]` for what there is. A plain
 * function from Request to Response: it opens no port, and whoever does may put other things beside it. Only JSON is
 * taken, which a foreign web page cannot send without asking first.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { Caller } from "./caller.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { callHandler } from "./http-call.ts";
import { type ContractListing, listContracts } from "./listing.ts";
import { jsonResponse, problemResponse } from "./problem.ts";
import type { ServicesPort } from "./services-port.ts";

export const RPC_PATH = "/rpc";

export interface HttpServerOptions {
  readonly clock: Clock;
  /** Who sends it; throws `rpc.unauthenticated`. */
  readonly authenticate: (request: Request) => Caller | Promise<Caller>;
  /** Of one input of a contract (1 MiB). */
  readonly requestBytesMax?: number | undefined;
  /** Answer for names that are no contracts. */
  readonly services?: ServicesPort | undefined;
}

export function serveContracts(
  dispatcher: Dispatcher,
  { clock, authenticate, requestBytesMax, services }: HttpServerOptions,
): (request: Request) => Promise<Response> {
  const call = callHandler({ dispatcher, services, clock, requestBytesMax, contentType: "json" });
  let listing: readonly ContractListing[] | undefined;
  const answer = async (request: Request): Promise<Response> => {
    const path = pathOf(request);
    const caller = await authenticate(request);
    if (path.length < 2) {
      requireVerb(request, "GET");
      listing ??= listContracts(dispatcher.contracts);
      return jsonResponse(chosenListing(listing, path[0]));
    }
    requireVerb(request, "POST");
    return call(request, caller, path[0]!, path[1]!);
  };
  return (request) => answer(request).catch((thrown) => problemResponse(toFailure(thrown, "rpc.defect")));
}

/** The words behind `/rpc`: none, a contract, or a contract and a method. */
function pathOf(request: Request): string[] {
  const { pathname } = new URL(request.url);
  const words = pathname.split("/").slice(1);
  if (`/${words[0]}` === RPC_PATH && words.length <= 3) return words.slice(1).filter((word) => word !== "");
  const message = `there is nothing at ${JSON.stringify(pathname.slice(0, 200))}; methods are at ${RPC_PATH}/CONTRACT/METHOD`;
  throw new Failure("rpc.unknown_path", message);
}

/** All of it, or one contract. */
export function chosenListing(listing: readonly ContractListing[], name: string | undefined): unknown {
  if (name === undefined) return { contracts: listing };
  const found = listing.find((each) => each.name === name);
  if (found) return found;
  const known = listing.map((each) => each.name).join(", ") || "none";
  throw new Failure(
    "rpc.unknown_contract",
    `there is no contract ${JSON.stringify(name.slice(0, 64))}; there are ${known}`,
  );
}

function requireVerb({ method, url }: Request, verb: string): void {
  if (method === verb) return;
  throw new Failure("rpc.wrong_verb", `${method} ${new URL(url).pathname.slice(0, 200)}: ${verb} is required`);
}
