/**
 * The cluster's own certificate authority and the certificates of its nodes: ECDSA P-256, made once on an operator's machine.
 * Nodes serve and connect with the same certificate. The authority may sign nodes only (path length 0). The library that
 * makes them is loaded when one is made; reading and verifying needs none.
 */

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { isNodeName, NODE_NAME_FORM } from "./certificate-names.ts";
import type { Entropy } from "./entropy.ts";

const DAY_MS = 24 * 60 * 60_000;
/** Replacing an authority means touching every node: longer than a cluster is likely to live unchanged. */
const AUTHORITY_DAYS = 3_652;
export const CERTIFICATE_DAYS = 365;
/** Clients and servers give up on certificates that are valid for longer than their authority. */
export const CERTIFICATE_DAYS_MAX = AUTHORITY_DAYS;
/** A host whose clock is behind has to take a new certificate too. */
const BACKDATED_MS = 5 * 60_000;
/** As many bits as RFC 5280 allows, less the sign. */
const SERIAL_BYTES = 16;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HOSTS_MAX = 64;
const DNS_NAME =
  /^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
/** 0.0.0.0 and ::, where a node listens and nobody can be asked. */
const UNSPECIFIED = /^(::ffff:)?[0:.]+$/i;
/** What ends so is read as an IPv4 address by some and as a name by nobody: 0, 127.1, 10.0.0.300. */
const NUMBER_AT_END = /(^|\.)(\d+|0x[\da-f]*)\.?$/i;
/** What a program on the node's own machine connects to. */
const OWN_MACHINE = ["localhost", "127.0.0.1", "::1"];

/** PEM texts: a certificate and its private key (PKCS #8). */
export interface CertifiedKey {
  readonly cert: string;
  readonly key: string;
}

export interface CertificatePorts {
  readonly clock: Pick<Clock, "now">;
  readonly entropy: Entropy;
}

export interface CertificateRequest {
  readonly name: string;
  /** Names and IP addresses that others reach it by; its name and its own machine's loopback are always there. */
  readonly hosts: readonly string[];
  readonly days?: number;
}

export async function makeAuthority({ clock, entropy }: CertificatePorts): Promise<CertifiedKey> {
  const x509 = await library();
  const keys = await generateKeys();
  const nowMs = clock.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(entropy),
    name: `CN=distributed_system authority ${Buffer.from(entropy(4)).toString("hex")}`,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + AUTHORITY_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(certificate.toString("pem")), key: await privatePem(keys.privateKey) };
}

/** Fails with `auth.certificate_request` when name, hosts or days are unusable. */
export async function makeCertificate(
  authority: CertifiedKey,
  request: CertificateRequest,
  { clock, entropy }: CertificatePorts,
): Promise<CertifiedKey> {
  checkCertificateRequest(request);
  const { name, hosts, days = CERTIFICATE_DAYS } = request;
  const x509 = await library();
  const keys = await generateKeys();
  const nowMs = clock.now();
  const issuer = new x509.X509Certificate(authority.cert);
  const flags = x509.KeyUsageFlags.digitalSignature;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(entropy),
    subject: `CN=${name}`,
    issuer: issuer.subject,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(Math.min(nowMs + days * DAY_MS, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await importPrivate(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(flags, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(name, hosts)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { cert: pem(certificate.toString("pem")), key: await privatePem(keys.privateKey) };
}

/** Whether the certificate is of that authority, and one that may not sign others. PEM texts. */
export function isIssuedBy(cert: string, authority: string): boolean {
  const [leaf, root] = [new X509Certificate(cert), new X509Certificate(authority)];
  return leaf.checkIssued(root) && leaf.verify(root.publicKey) && !leaf.ca;
}

/** Fails with `auth.certificate_request`. */
export function checkCertificateRequest({ name, hosts, days = CERTIFICATE_DAYS }: CertificateRequest): void {
  const refuse = (message: string): never => {
    throw new Failure("auth.certificate_request", message);
  };
  if (!isNodeName(name)) refuse(`the node's name is ${JSON.stringify(name)}; ${NODE_NAME_FORM} are required`);
  if (hosts.length > HOSTS_MAX) refuse(`${hosts.length} hosts are named; at most ${HOSTS_MAX} are allowed`);
  for (const host of hosts) {
    const isName = isIP(host) === 0 && host.length <= 253 && DNS_NAME.test(host) && !NUMBER_AT_END.test(host);
    if (!isName && (isIP(host) === 0 || UNSPECIFIED.test(host))) {
      refuse(
        `the host of node ${name} is ${JSON.stringify(host)}; a DNS name or an IP address without port, by which others reach it, is required`,
      );
    }
  }
  if (!Number.isInteger(days) || days < 1 || days > CERTIFICATE_DAYS_MAX) {
    refuse(
      `a certificate is to be valid for ${days} days; a whole number from 1 to ${CERTIFICATE_DAYS_MAX} is required`,
    );
  }
}

function alternativeNames(name: string, hosts: readonly string[]) {
  const all = new Set([name, ...hosts, ...OWN_MACHINE].map((host) => host.toLowerCase()));
  return [...all]
    .filter((host) => isIP(host) !== 0 || DNS_NAME.test(host))
    .map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as Promise<CryptoKeyPair>; // ECDSA gives pairs
}

function importPrivate(text: string): Promise<CryptoKey> {
  const der = Buffer.from(text.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
  return crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

async function privatePem(key: CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}(?=.)/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}

/** Hexadecimal; positive, as RFC 5280 wants it. */
function serial(entropy: Entropy): string {
  const bytes = Buffer.from(entropy(SERIAL_BYTES));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function pem(text: string): string {
  return `${text.trimEnd()}\n`;
}

/** The library resolves its parts by decorators' metadata, which has to be there before it. */
async function library(): Promise<typeof import("@peculiar/x509")> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}
