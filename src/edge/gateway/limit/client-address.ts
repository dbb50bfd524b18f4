/**
 * Whose request it is: the peer, unless it is a named proxy; then the right-most hop of what it says that is none of the named ones. What
 * stands to the left of that hop is the client's own word, and does not matter. One family of headers is believed: the one that the
 * file names, else `X-Forwarded-*` where there is an `X-Forwarded-For`, else `Forwarded`; what the others say may come from the client.
 */
import { Failure } from "../../../base/errors.ts";
import { IpNetworks } from "../../../base/ip-networks.ts";
import { type HeaderList, headerOf, headersOf, type RequestHead } from "../../../wire/http/index.ts";
import type { Peer, ProxyHeader } from "../words/index.ts";
import { type Hop, nodeOf, readForwarded, readForwardedFor, readHost, readProto } from "./forwarded.ts";

export interface ClientView {
  /** Canonical. */
  readonly address: string;
  /** What the client spoke, and to which host: as trusted proxies say, else as we saw it. */
  readonly scheme: "http" | "https";
  readonly host: string;
  /** The peer is a trusted proxy and has said where the request came from: the chain goes on. */
  readonly isForwarded: boolean;
  /** What is believed of the chain, the nearest hop first. */
  readonly hops?: readonly Hop[];
}

const FORWARDING: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
]);

export class ClientViews {
  readonly #trusted: IpNetworks;
  readonly #header: ProxyHeader;
  readonly #believes = (address: string): boolean => this.#trusted.contains(address);

  /** Fails with `gateway.bad_network` where one is no CIDR. */
  constructor(trustedProxies: readonly string[], header: ProxyHeader = "auto") {
    this.#header = header;
    const trusted = IpNetworks.read(trustedProxies);
    if ("wrong" in trusted) {
      const message = `the network ${trusted.wrong} is none; required is CIDR, as 10.0.0.0/8 or fd00::/8`;
      throw new Failure("gateway.bad_network", message);
    }
    this.#trusted = trusted;
  }

  of(peer: Peer, head: RequestHead): ClientView {
    const seen = { address: peer.address, scheme: head.scheme, host: head.authority, isForwarded: false };
    if (!this.#trusted.has(peer.address)) return seen;
    const { headers } = head;
    const header = this.#header === "auto" ? writtenHeader(headers) : this.#header;
    if (header === "forwarded") return this.#byForwarded(headers, seen);
    return header === "x-real-ip" ? byRealIp(headers, seen) : this.#byForwardedFor(headers, seen);
  }

  /**
   * The request's headers for the upstream: what the client said about itself is gone, what is true is there. `forwarded` goes on only
   * where it came, for few upstreams read it.
   */
  forward(headers: HeaderList, peer: Peer, view: ClientView): HeaderList {
    const kept: HeaderList = [];
    for (let at = 0; at < headers.length; at += 2)
      if (!isForwarding(headers[at]!)) kept.push(headers[at]!, headers[at + 1]!);
    const hops = (view.hops ?? []).toReversed();
    kept.push("x-forwarded-for", [...hops.flatMap(({ address }) => address ?? []), peer.address].join(", "));
    kept.push("x-forwarded-proto", view.scheme);
    if (view.host !== "") kept.push("x-forwarded-host", view.host);
    if (hops.length > 0 && headerOf(headers, "forwarded") !== undefined)
      kept.push("forwarded", [...hops.map(({ element }) => element), forwardedElement(peer, view)].join(", "));
    return kept;
  }

  #byForwardedFor(headers: HeaderList, seen: ClientView): ClientView {
    const hops = readForwardedFor(headersOf(headers, "x-forwarded-for"), this.#believes);
    if (hops.length === 0) return seen;
    return {
      address: addressOf(hops) ?? seen.address,
      scheme: readProto(lastOf(headers, "x-forwarded-proto")) ?? seen.scheme,
      host: readHost(lastOf(headers, "x-forwarded-host")) ?? seen.host,
      isForwarded: true,
      hops,
    };
  }

  #byForwarded(headers: HeaderList, seen: ClientView): ClientView {
    const hops = readForwarded(headersOf(headers, "forwarded"), this.#believes);
    const farthest = hops.at(-1);
    if (farthest === undefined) return seen;
    return {
      address: addressOf(hops) ?? seen.address,
      scheme: farthest.proto ?? seen.scheme,
      host: farthest.host ?? seen.host,
      isForwarded: true,
      hops,
    };
  }
}

function writtenHeader(headers: HeaderList): ProxyHeader {
  return headerOf(headers, "x-forwarded-for") === undefined ? "forwarded" : "x-forwarded-for";
}

/** One address, of the client itself; a proxy that was passed through leaves the last one. */
function byRealIp(headers: HeaderList, seen: ClientView): ClientView {
  const [hop] = readForwardedFor(headersOf(headers, "x-real-ip").slice(-1), () => false);
  if (hop?.address === undefined) return seen;
  return { ...seen, address: hop.address, isForwarded: true, hops: [hop] };
}

/** Many servers hand `X_Forwarded_For` to programs under the same name as `X-Forwarded-For`. */
function isForwarding(name: string): boolean {
  return FORWARDING.has(name) || (name.includes("_") && FORWARDING.has(name.replaceAll("_", "-")));
}

/** The farthest that is not hidden. */
function addressOf(hops: readonly Hop[]): string | undefined {
  return hops.findLast(({ address }) => address !== undefined)?.address;
}

function lastOf(headers: HeaderList, name: string): string | undefined {
  return headersOf(headers, name).at(-1)?.split(",").at(-1)?.trim();
}

function forwardedElement({ address }: Peer, { host, scheme }: ClientView): string {
  return `for=${nodeOf(address)};proto=${scheme}${readHost(host) === undefined ? "" : `;host="${host}"`}`;
}
