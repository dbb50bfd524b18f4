/**
 * Endpoints that services declare, `GET /users/:id`: a router made of what is offered now, and made anew when that changes. Words of
 * a path win over params, and the API's own paths win over all of them; who comes second is said in the log once.
 */
import { TrieRouter } from "hono/router/trie-router";
import type { Logger } from "../../base/log.ts";
import type { FoundEndpoint, ServiceDoor } from "../../work/service/words/index.ts";
import { ENDPOINTS_MAX } from "./limits.ts";

export interface MatchedEndpoint {
  readonly found: FoundEndpoint;
  /** Words of the path, decoded. */
  readonly words: Readonly<Record<string, string>>;
}

export interface EndpointOptions {
  readonly services: Pick<ServiceDoor, "endpoints" | "revision">;
  /** Whether the API answers there itself. */
  readonly isTaken: (verb: string, path: string) => boolean;
  readonly logger: Logger;
}

/** Plain words and whole params: a pattern of somebody's making could take for ever. */
const PATH = /^(\/(:[A-Za-z_][A-Za-z0-9_]{0,63}|[A-Za-z0-9_.~@!$&'()+,;=-]{1,128})){1,16}$/;

export class Endpoints {
  readonly #options: EndpointOptions;
  readonly #told = new Set<string>();
  #router = new TrieRouter<FoundEndpoint>();
  #revision: number | undefined;

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  match(verb: string, path: string): MatchedEndpoint | undefined {
    this.#refresh();
    const [first] = this.#router.match(verb, path)[0];
    if (!first) return undefined;
    const [found, words] = first;
    // The trie gives words by their names; indices are another router's way.
    return { found, words: decoded(words as Readonly<Record<string, string>>) };
  }

  #refresh(): void {
    const { services } = this.#options;
    if (services.revision === this.#revision) return;
    this.#revision = services.revision;
    this.#router = new TrieRouter<FoundEndpoint>();
    const seen = new Map<string, FoundEndpoint>();
    for (const found of [...services.endpoints()].sort(byPath).slice(0, ENDPOINTS_MAX)) {
      const { verb, path } = found.endpoint;
      const place = `${verb} ${path.replaceAll(/:[^/]+/g, ":")}`;
      const fault = this.#faultOf(found, seen.get(place));
      if (fault !== undefined) this.#tell(`${verb} ${path} of ${found.service}@${found.version}`, fault);
      else {
        seen.set(place, found);
        this.#router.add(verb, path, found);
      }
    }
  }

  #faultOf({ endpoint: { verb, path } }: FoundEndpoint, first: FoundEndpoint | undefined): string | undefined {
    if (!PATH.test(path)) return "it is no path of plain words and params such as /users/:id";
    if (this.#options.isTaken(verb, path.replaceAll(/:[^/]+/g, "x"))) return "the node itself answers there";
    return first && `${first.service}@${first.version} is there already`;
  }

  #tell(what: string, why: string): void {
    const line = `endpoint ${what} is not served: ${why}`;
    if (this.#told.has(line) || this.#told.size >= ENDPOINTS_MAX) return;
    this.#told.add(line);
    this.#options.logger.warn(line);
  }
}

/** Words before params, then by name: the same on every node. */
function byPath(one: FoundEndpoint, other: FoundEndpoint): number {
  const [a, b] = [sortKey(one), sortKey(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortKey({ endpoint, service, version }: FoundEndpoint): string {
  return `${endpoint.path.replaceAll(/:[^/]+/g, "\uffff")} ${endpoint.verb} ${service} ${version}`;
}

function decoded(words: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(words).map(([name, word]) => [name, decode(word)]));
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
