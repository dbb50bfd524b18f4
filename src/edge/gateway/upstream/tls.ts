/** TLS towards upstreams: verified unless told otherwise, with our certificate where one is asked for; and what sets two such identities apart. */
import type { TLSOptions } from "bun";
import type { Origin, UpstreamRequest, UpstreamTls } from "../words/index.ts";

const ALPN_H1 = "\x08http/1.1";
const ALPN_H2 = "\x02h2";

export interface TlsPlan {
  readonly options: TLSOptions;
  readonly isUnverified: boolean;
  /** The connection is of no use unless the upstream agrees to it. */
  readonly needsH2: boolean;
}

export function isTls({ scheme }: Origin): boolean {
  return scheme === "https" || scheme === "wss" || scheme === "grpcs";
}

export function speaksGrpc({ scheme }: Origin): boolean {
  return scheme === "grpc" || scheme === "grpcs";
}

/** Which HTTP is spoken: decided here, not negotiated. */
export function speaksH2({ origin, version }: Pick<UpstreamRequest, "origin" | "version">): boolean {
  return version === "2" || speaksGrpc(origin);
}

/** `host` without brackets. */
export function tlsPlan(host: string, tls: UpstreamTls | undefined, needsH2: boolean): TlsPlan {
  const isUnverified = tls?.isUnverified ?? false;
  const options = {
    serverName: tls?.serverName ?? host,
    rejectUnauthorized: !isUnverified,
    ALPNProtocols: needsH2 ? ALPN_H2 : ALPN_H1,
    ...(tls?.ca !== undefined && { ca: tls.ca }),
    ...(tls?.certificate !== undefined && { cert: tls.certificate }),
    ...(tls?.key !== undefined && { key: tls.key }),
  };
  return { options, isUnverified, needsH2 };
}

/** Connections of different identities are never mixed up. */
export function identityOf(tls: UpstreamTls | undefined): string {
  if (tls === undefined) return "";
  const { ca, certificate, isUnverified, key, serverName } = tls;
  return JSON.stringify([ca, certificate, key, serverName, isUnverified ?? false]);
}
