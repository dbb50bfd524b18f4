/** What certificates call a node: its name is the subject's one common name. */
import type { X509Certificate } from "node:crypto";
import { Failure } from "../../base/errors.ts";

/** A host name's characters and `_`: no blank, slash, comma or `@`, which have meanings elsewhere. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const NODE_NAME_FORM = "1 to 63 of A-Z, a-z, 0-9, dot, _ and -, the first a letter or digit";

export function isNodeName(name: string): boolean {
  return NODE_NAME.test(name);
}

/** Fails with `auth.certificate` for one that names no node. */
export function certifiedName({ subject }: X509Certificate): string {
  const name = /^CN=(.+)$/.exec(subject)?.[1];
  if (name !== undefined && isNodeName(name)) return name;
  throw new Failure(
    "auth.certificate",
    `the certificate is of ${JSON.stringify(subject)}; one that names a node is required`,
  );
}
