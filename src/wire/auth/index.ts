/** Who may speak in this cluster, and how that is shown: keys, tokens, sealed datagrams, certificates. */
export { addressText, audiencesOf, type HostPort } from "./address.ts";
export { certifiedName, isNodeName, NODE_NAME_FORM } from "./certificate-names.ts";
export {
  CERTIFICATE_DAYS,
  CERTIFICATE_DAYS_MAX,
  type CertificatePorts,
  type CertificateRequest,
  type CertifiedKey,
  checkCertificateRequest,
  isIssuedBy,
  makeAuthority,
  makeCertificate,
} from "./certificates.ts";
export type { Claims, Role, TokenAccess } from "./claims.ts";
export { ClusterKey } from "./cluster-key.ts";
export type { Entropy } from "./entropy.ts";
export { SEAL_BYTES } from "./gossip-packet.ts";
export {
  GossipSeal,
  type GossipSealOptions,
  type GossipSealPorts,
  type OpenResult,
  type SealCounts,
  type SealRefusal,
} from "./gossip-seal.ts";
export { Identities, Identity, type IdentityPem, mayActAs } from "./identity.ts";
export { formatKeyring, parseKeyring } from "./key-text.ts";
export { Keyring } from "./keyring.ts";
export { readKeyFile, readPrivateFile } from "./private-file.ts";
export { type TokenRequest, Tokens, type TokensOptions, type TokensPorts } from "./tokens.ts";
