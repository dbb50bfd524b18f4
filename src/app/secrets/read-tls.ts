/**
 * A node's TLS material from a directory: finds its certificate among those there, and refuses one that would only fail
 * later, with every peer (of another authority, over, without its key).
 */
import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { Failure, messageOf } from "../../base/errors.ts";
import {
  certifiedName,
  isIssuedBy,
  isNodeName,
  mayActAs,
  NODE_NAME_FORM,
  readPrivateFile,
} from "../../wire/auth/index.ts";
import { type Layout, nodeFiles } from "./layout.ts";
import { bareHost, isEveryInterface, isLoopback } from "./loopback.ts";
import { requireOthersCannotWrite } from "./others-cannot-write.ts";

/** PEM texts. */
export interface TlsFiles {
  readonly ca: string;
  /** The node's own; a client may have none. */
  readonly own: { readonly name: string; readonly cert: string; readonly key: string } | undefined;
}

export interface TlsWish {
  readonly role: "node" | "client";
  /** Of the node; undefined when any certificate will do. */
  readonly id: string | undefined;
  readonly host: string;
  readonly nowMs: number;
}

/** A private key has 250 bytes, an RSA one of somebody's own authority up to 4 KB. */
const PEM_BYTES_MAX = 64 * 1024;
const DAY_MS = 24 * 60 * 60_000;
/** Time to replace a certificate without hurry. */
const ENDS_SOON_MS = 30 * DAY_MS;

/** Fails with `secrets.tls`, `secrets.required` or `auth.file_not_private`. */
export function readTls(
  layout: Layout,
  wish: TlsWish,
): { readonly tls: TlsFiles; readonly warnings: readonly string[] } {
  requireOthersCannotWrite(layout.authorityCert);
  const ca = readText(layout.authorityCert);
  parse(ca, layout.authorityCert);
  const name = nameFor(layout, wish);
  if (name === undefined) return { tls: { ca, own: undefined }, warnings: [] };
  const files = nodeFiles(layout, name);
  const cert = readText(files.cert);
  const certificate = parse(cert, files.cert);
  if (!isIssuedBy(cert, ca)) throw tlsFailure(`${files.cert} is not of the authority in ${layout.authorityCert}`);
  const named = certifiedName(certificate);
  if (wish.id !== undefined && !mayActAs(named, wish.id)) {
    throw tlsFailure(`${files.cert} is the certificate of ${named}; one of ${wish.id} is required`);
  }
  const key = readPrivateFile(files.key, PEM_BYTES_MAX).toString("utf8");
  if (wish.nowMs > certificate.validToDate.getTime()) {
    throw tlsFailure(
      `${files.cert} ended on ${certificate.validTo}; remove it and ${files.key}, and run init with --node ${name} again`,
    );
  }
  if (wish.nowMs < certificate.validFromDate.getTime()) {
    throw tlsFailure(
      `${files.cert} begins on ${certificate.validFrom}; this machine's clock is behind, or it is for later`,
    );
  }
  return {
    tls: { ca, own: { name: named, cert, key } },
    warnings: warningsOf(certificate, files.cert, wish),
  };
}

/** The name that goes with the node's id, else the one certificate there is, or the one that is for the host. */
function nameFor(layout: Layout, { role, id, host }: TlsWish): string | undefined {
  if (id !== undefined) return requireNode(layout, nodeNameOf(id), host);
  const names = namesIn(layout);
  const fitting = names.length > 1 ? names.filter((name) => isFor(layout, name, host)) : names;
  if (fitting.length === 1 || role === "client") return fitting.length === 1 ? fitting[0] : undefined;
  if (names.length === 0) return requireNode(layout, "NAME", host);
  const told = fitting.length > 1 ? `several certificates for ${host}` : `no certificate for ${host}`;
  throw tlsFailure(`${layout.nodes} holds ${told} among ${names.join(", ")}; the node's id is required`);
}

/** Processes that share a certificate are told apart by what follows an `@`. */
function nodeNameOf(id: string): string {
  const name = id.replace(/@.*$/s, "");
  if (isNodeName(name)) return name;
  throw tlsFailure(
    `the node's id is ${JSON.stringify(id)}, which no certificate can be for; ${NODE_NAME_FORM} are required`,
  );
}

function requireNode(layout: Layout, name: string, host: string): string {
  const { cert } = nodeFiles(layout, name);
  if (existsSync(cert)) return name;
  const others = namesIn(layout).map((each) => `, or start it with the id ${each} or ${each}@NUMBER`);
  const reached = isEveryInterface(host) ? "HOST" : bareHost(host);
  const message = `there is no certificate ${cert}; a node needs its own. Run init with --node ${name}=${reached} where ca.key is, and copy nodes/${name}.crt and .key here${others[0] ?? ""}`;
  throw new Failure("secrets.required", message);
}

function namesIn({ nodes }: Layout): string[] {
  if (!existsSync(nodes)) return [];
  const names = readdirSync(nodes).filter((file) => file.endsWith(".crt"));
  return names.map((file) => file.slice(0, -".crt".length)).sort();
}

function isFor(layout: Layout, name: string, host: string): boolean {
  const path = nodeFiles(layout, name).cert;
  return covers(parse(readText(path), path), host);
}

function covers(certificate: X509Certificate, host: string): boolean {
  const bare = bareHost(host);
  return (isIP(bare) === 0 ? certificate.checkHost(bare) : certificate.checkIP(bare)) !== undefined;
}

function warningsOf(certificate: X509Certificate, path: string, { host, nowMs, role }: TlsWish): string[] {
  const warnings: string[] = [];
  const leftMs = certificate.validToDate.getTime() - nowMs;
  if (leftMs < ENDS_SOON_MS)
    warnings.push(`${path} ends in ${Math.floor(leftMs / DAY_MS)} days, on ${certificate.validTo}`);
  const isListening = role === "node" && !isEveryInterface(host) && !isLoopback(host);
  if (isListening && !covers(certificate, host)) {
    warnings.push(`${path} is not for ${host}: others will refuse it; it is for ${certificate.subjectAltName}`);
  }
  return warnings;
}

function parse(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (thrown) {
    throw tlsFailure(`${path} is no certificate in PEM form: ${messageOf(thrown)}`, thrown);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw tlsFailure(`cannot read ${path}: ${messageOf(thrown)}`, thrown);
  }
}

function tlsFailure(message: string, cause?: unknown): Failure {
  return new Failure("secrets.tls", message, { cause });
}
