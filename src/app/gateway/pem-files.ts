/**
 * Certificates and keys as files have them, looked at before anybody relies on them: faulty ones would be found out by clients only, one
 * failing handshake after the other. What is no fault but soon will hurt (a certificate whose time is over) is noted.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { Failure, messageOf } from "../../base/errors.ts";

/** A file, by what the gateway file calls it. */
export interface PemFile {
  /** `tls_certificate`. */
  readonly name: string;
  readonly path: string;
}

export interface Identity {
  /** PEM: the chain. */
  readonly certificate: string;
  readonly key: string;
}

export interface PemPorts {
  readonly nowMs: number;
  readonly note: (text: string) => void;
}

/** A chain, the first certificate of which belongs to the key. Fails with `gateway.tls`. */
export function readIdentity(certificateFile: PemFile, keyFile: PemFile, ports: PemPorts): Identity {
  const certificate = read(certificateFile);
  const [own] = certificatesIn(certificateFile, certificate, ports);
  const key = read(keyFile);
  if (!own!.checkPrivateKey(keyIn(keyFile, key))) {
    throw faulty(
      keyFile,
      `it is not the key of ${named(certificateFile)}`,
      "the key of the first certificate in that file",
    );
  }
  requireUsable(certificateFile, { cert: certificate, key });
  return { certificate, key };
}

/** Who is believed. Fails with `gateway.tls`. */
export function readAuthorities(file: PemFile, ports: PemPorts): string {
  const text = read(file);
  certificatesIn(file, text, ports);
  requireUsable(file, { ca: text });
  return text;
}

function read(file: PemFile): string {
  try {
    return readFileSync(file.path, "utf8");
  } catch (thrown) {
    throw new Failure("gateway.tls", `cannot read ${named(file)}: ${messageOf(thrown)}; a PEM file is required`);
  }
}

/** One at least. */
function certificatesIn(file: PemFile, text: string, ports: PemPorts): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = text.split("-----BEGIN CERTIFICATE-----").length - 1;
  if (begun === 0) throw faulty(file, "it has no certificate", "at least one certificate in PEM");
  if (begun !== blocks.length) {
    throw faulty(file, `${begun - blocks.length} of its certificates are not whole`, "each with its end");
  }
  return blocks.map((block, at) => {
    const certificate = certificateIn(file, block, at);
    noteTimes(file, certificate, ports);
    return certificate;
  });
}

function certificateIn(file: PemFile, block: string, at: number): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (thrown) {
    throw faulty(
      file,
      `certificate ${at + 1} of it cannot be read (${messageOf(thrown)})`,
      "a whole X.509 certificate",
    );
  }
}

function noteTimes(file: PemFile, { subject, validFromDate, validToDate }: X509Certificate, ports: PemPorts): void {
  const { note, nowMs } = ports;
  const who = `${named(file)}: the certificate of ${subject.replaceAll("\n", ", ")}`;
  if (validToDate.getTime() < nowMs) note(`${who} has expired on ${validToDate.toISOString()}`);
  if (validFromDate.getTime() > nowMs) note(`${who} is good from ${validFromDate.toISOString()} only`);
}

function keyIn(file: PemFile, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (thrown) {
    throw faulty(
      file,
      `no key can be read from it (${messageOf(thrown)})`,
      "a private key in PEM without a passphrase",
    );
  }
}

/** The library that does TLS has the last word. */
function requireUsable(file: PemFile, options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (thrown) {
    throw faulty(file, `TLS cannot use it (${messageOf(thrown)})`, "a PEM file that TLS can use");
  }
}

function named({ name, path }: PemFile): string {
  return `${name}=${path}`;
}

function faulty(file: PemFile, what: string, required: string): Failure {
  return new Failure("gateway.tls", `cannot use ${named(file)}: ${what}; ${required} is required`);
}
