/**
 * Certificates and keys as files have them, looked at before anybody relies on them: faulty ones would be found out by clients only, one
 * failing handshake after the other. What is no fault but will hurt (a certificate whose time is over, or soon is) is noted.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { Failure, messageOf } from "../../base/errors.ts";
import { type CertificateTime, timeNote } from "./certificate-times.ts";

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
  /** Told of each file the certificate whose time is over first. */
  readonly time: (time: CertificateTime) => void;
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

/** A key by itself. Fails with `gateway.tls`; `data.option` is the file's name here, as of all that fails here. */
export function requireKey(file: PemFile): void {
  keyIn(file, read(file));
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
    const message = `cannot read ${named(file)}: ${messageOf(thrown)}; a PEM file is required`;
    throw new Failure("gateway.tls", message, { data: { option: file.name } });
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
  const certificates = blocks.map((block, at) => certificateIn(file, block, at));
  const times = certificates.map((certificate) => timeOf(file, certificate));
  for (const time of times) {
    const text = timeNote(time, ports.nowMs);
    if (text !== undefined) ports.note(text);
  }
  ports.time(times.reduce((first, each) => (each.endMs < first.endMs ? each : first)));
  return certificates;
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

function timeOf(file: PemFile, { subject, validFromDate, validToDate }: X509Certificate): CertificateTime {
  const [fromMs, endMs] = [validFromDate.getTime(), validToDate.getTime()];
  return { file: named(file), subject: subject.replaceAll("\n", ", "), fromMs, endMs };
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
  const message = `cannot use ${named(file)}: ${what}; ${required} is required`;
  return new Failure("gateway.tls", message, { data: { option: file.name } });
}
