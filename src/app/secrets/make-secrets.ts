/**
 * Makes what a cluster off loopback needs: key, authority, a certificate per node. Each file is made whole or not at all and
 * none is ever overwritten, so that running it again only adds what is missing: that is how a node is added later.
 */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import {
  type CertificatePorts,
  type CertificateRequest,
  type CertifiedKey,
  checkCertificateRequest,
  makeAuthority,
  makeCertificate,
  readPrivateFile,
} from "../../wire/auth/index.ts";
import { systemEntropy } from "./entropy.ts";
import { type Layout, layoutOf, nodeFiles } from "./layout.ts";
import { makeKeyFile, readIfThere } from "./own-key.ts";
import { createPrivate, makeDirectory } from "./private-write.ts";
import { whileLocked } from "./secrets-lock.ts";

export interface MadeNode {
  readonly name: string;
  /** What its certificate is for. */
  readonly hosts: string;
  readonly cert: string;
  readonly key: string;
  readonly validTo: string;
  /** False when it was there already, whatever hosts were asked for. */
  readonly isNew: boolean;
}

export interface MadeSecrets {
  readonly dir: string;
  readonly keyFile: string;
  readonly keyId: string;
  readonly authority: string;
  /** Files made just now, in their order. */
  readonly made: readonly string[];
  readonly nodes: readonly MadeNode[];
}

const PEM_BYTES_MAX = 64 * 1024;

/** Fails with `auth.certificate_request`, `secrets.incomplete`, `secrets.write_failed` or `secrets.busy`. */
export async function makeSecrets(
  dir: string,
  nodes: readonly CertificateRequest[],
  clock: Pick<Clock, "now">,
): Promise<MadeSecrets> {
  for (const node of nodes) checkCertificateRequest(node); // before anything is made; names end up in paths
  const path = resolve(dir);
  makeDirectory(path);
  return whileLocked(path, async () => {
    const layout = layoutOf(path);
    const ports = { clock, entropy: systemEntropy };
    const made: string[] = [];
    const keyring = readIfThere(layout.keyFile);
    if (!keyring) made.push(layout.keyFile);
    const { first } = keyring ?? makeKeyFile(layout.keyFile, systemEntropy);
    const authority = await authorityIn(layout, ports, made);
    const done: MadeNode[] = [];
    for (const node of nodes) done.push(await nodeIn(layout, node, authority, ports, made));
    return { dir: path, keyFile: layout.keyFile, keyId: first.id, authority: layout.authorityCert, made, nodes: done };
  });
}

async function authorityIn(layout: Layout, ports: CertificatePorts, made: string[]): Promise<CertifiedKey> {
  const files = { cert: layout.authorityCert, key: layout.authorityKey };
  if (isPair(files, "the machine where init ran first has it, and adds nodes")) return readPair(files);
  const authority = await makeAuthority(ports);
  writePair(files, authority, made);
  return authority;
}

async function nodeIn(
  layout: Layout,
  node: CertificateRequest,
  authority: CertifiedKey,
  ports: CertificatePorts,
  made: string[],
): Promise<MadeNode> {
  const files = nodeFiles(layout, node.name);
  const isNew = !isPair(files, `remove what is left of node ${node.name} to make both anew`);
  if (isNew) {
    const certified = await makeCertificate(authority, node, ports);
    makeDirectory(layout.nodes);
    writePair(files, certified, made);
  }
  const { subjectAltName = "", validToDate } = new X509Certificate(readFileSync(files.cert, "utf8"));
  return { name: node.name, hosts: subjectAltName, ...files, validTo: validToDate.toISOString(), isNew };
}

/** Fails with `secrets.incomplete` when one of the two is missing. */
function isPair({ cert, key }: CertifiedKey, advice: string): boolean {
  const [hasCert, hasKey] = [existsSync(cert), existsSync(key)];
  if (hasCert === hasKey) return hasCert;
  const [found, missing] = hasCert ? [cert, key] : [key, cert];
  throw new Failure("secrets.incomplete", `there is ${found} without ${missing}, which is required: ${advice}`);
}

function readPair({ cert, key }: CertifiedKey): CertifiedKey {
  return { cert: readFileSync(cert, "utf8"), key: readPrivateFile(key, PEM_BYTES_MAX).toString("utf8") };
}

/** The key first: a certificate without its key is of no use to anybody. */
function writePair(files: CertifiedKey, content: CertifiedKey, made: string[]): void {
  for (const part of ["key", "cert"] as const) {
    if (!createPrivate(files[part], content[part])) {
      throw new Failure("secrets.incomplete", `${files[part]} has appeared just now; it is left as it is`);
    }
    made.push(files[part]);
  }
}
