/**
 * CORS of one route (the Fetch standard): answers preflights and says on each reply, whoever gives it, which pages of other origins may
 * read it. It is no access control: a request of a page that may not read goes on, for anything but a browser would send it too.
 */
import { type HeaderList, headersOf, type RequestHead } from "../../../wire/http/index.ts";
import type { CompiledRoute } from "../route/index.ts";
import type { CorsPlan } from "../words/index.ts";
import type { Step } from "./words.ts";

const ANY = "*";
const USUAL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/** What a gRPC-web client reads of a reply that has no body. */
const OF_GRPC = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
const OWN = "access-control-";
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
/** What stands for `*.` in an origin. */
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

interface Wildcard {
  readonly before: string;
  readonly behind: string;
}

export class CrossOrigin {
  readonly #isAny: boolean;
  readonly #origins: ReadonlySet<string>;
  readonly #wildcards: readonly Wildcard[];
  /** Beside the origin itself. */
  readonly #onReplies: HeaderList;
  readonly #onPreflights: HeaderList;
  /** Undefined: all that are asked for. */
  readonly #headers: string | undefined;

  constructor(plan: CorsPlan, { methods, plan: { targets } }: Pick<CompiledRoute, "methods" | "plan">) {
    this.#isAny = plan.origins[0] === ANY;
    this.#origins = new Set(plan.origins.filter((origin) => !origin.includes(ANY)));
    this.#wildcards = plan.origins.flatMap((origin) => {
      const [before, behind] = origin.split("*");
      return before && behind ? [{ before, behind }] : [];
    });
    const isGrpc = targets.some((target) => target.kind === "origin" && target.origin.scheme.startsWith("grpc"));
    const exposed = plan.exposed[0] === ANY ? [ANY] : [...new Set([...plan.exposed, ...(isGrpc ? OF_GRPC : [])])];
    this.#onReplies = [
      ...(plan.hasCredentials ? [`${OWN}allow-credentials`, "true"] : []),
      ...(exposed.length === 0 ? [] : [`${OWN}expose-headers`, exposed.join(", ")]),
    ];
    const taken = methods.length === 0 ? USUAL_METHODS : methods.filter((method) => method !== "OPTIONS");
    const allowed = plan.methods.length === 0 ? taken : plan.methods;
    const maxAgeS = String(Math.trunc(plan.maxAgeMs / 1_000));
    this.#onPreflights = [`${OWN}allow-methods`, allowed.join(", "), `${OWN}max-age`, maxAgeS];
    this.#headers = plan.headers[0] === ANY ? undefined : plan.headers.join(", ");
  }

  takes(origin: string): boolean {
    if (this.#isAny || this.#origins.has(origin)) return true;
    return this.#wildcards.some(({ before, behind }) => {
      const isFramed = origin.startsWith(before) && origin.endsWith(behind);
      return isFramed && LABELS.test(origin.slice(before.length, origin.length - behind.length));
    });
  }

  /** A reply's headers as pages of other origins need them: what they said about sharing before is gone. */
  shared(headers: HeaderList, request: Pick<RequestHead, "headers">): HeaderList {
    const list: HeaderList = [];
    for (let at = 0; at < headers.length; at += 2)
      if (!headers[at]!.startsWith(OWN)) list.push(headers[at]!, headers[at + 1]!);
    if (this.#isAny) list.push(`${OWN}allow-origin`, ANY, ...this.#onReplies);
    else {
      addVary(list, "origin");
      const origin = this.#originOf(request);
      if (origin !== undefined) list.push(`${OWN}allow-origin`, origin, ...this.#onReplies);
    }
    return list;
  }

  /** Beside what every reply has. Undefined: pages of this origin get no leave. */
  preflight(request: Pick<RequestHead, "headers">): HeaderList | undefined {
    if (!this.#isAny && this.#originOf(request) === undefined) return undefined;
    const headers = this.#headers ?? askedHeaders(request.headers);
    const vary = ["vary", "access-control-request-method, access-control-request-headers"];
    return [...this.#onPreflights, ...(headers === "" ? [] : [`${OWN}allow-headers`, headers]), ...vary];
  }

  /** The one that is named, where it is one of ours. */
  #originOf({ headers }: Pick<RequestHead, "headers">): string | undefined {
    const [origin, ...others] = headersOf(headers, "origin");
    return origin !== undefined && others.length === 0 && this.takes(origin) ? origin : undefined;
  }
}

/** Answers them, of a route with `cors`. */
export function preflightStep(cors: CrossOrigin): Step {
  return (passage) => {
    const fields = cors.preflight(passage.request);
    if (fields === undefined) {
      const detail = "pages of this origin get no leave from this route";
      passage.refuse({ status: 403, code: "gateway.cors_origin", detail });
      return "ended";
    }
    passage.replyExtra.push(...fields);
    passage.send({ status: 204, headers: [] });
    return "ended";
  };
}

function askedHeaders(headers: HeaderList): string {
  const asked = headersOf(headers, `${OWN}request-headers`).flatMap((line) => line.split(","));
  const names = asked.map((name) => name.trim().toLowerCase()).filter((name) => NAME.test(name));
  return [...new Set(names)].join(", ");
}

function addVary(list: string[], name: string): void {
  const named = headersOf(list, "vary").flatMap((line) => line.toLowerCase().split(","));
  if (!named.some((each) => each.trim() === name || each.trim() === ANY)) list.push("vary", name);
}
