/**
 * The secrets a process goes by, found before it listens or connects. On loopback there is nothing to configure: the key
 * makes itself. Off loopback a node starts only with what `init` made: a cluster key and TLS material. TLS is spoken
 * wherever the directory holds an authority, so that nodes and commands that share a directory agree.
 */
import { existsSync } from "node:fs";
import { type Clock, systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { Identities, Identity, type Keyring } from "../../wire/auth/index.ts";
import { stateDirectory } from "../self.ts";
import { systemEntropy } from "./entropy.ts";
import { layoutOf } from "./layout.ts";
import { bareHost, isEveryInterface, isLoopback } from "./loopback.ts";
import { ownKeyring, readIfThere } from "./own-key.ts";
import { readTls, type TlsFiles } from "./read-tls.ts";

export interface SecretsRequest {
  /** A directory made by `init`, or a copy of what a node needs of it. */
  readonly dir?: string | undefined;
  /** Without `dir`: the state directory to look in, by default the user's. Nodes that are to meet have to share it. */
  readonly dataDir?: string | undefined;
  /** Where a node listens; for a client, whom it asks. */
  readonly address: { readonly host: string };
  /** Where others reach the node, when that is somewhere else. */
  readonly advertise?: { readonly host: string } | undefined;
  /** The node's id: its certificate has to be named so, or like the part before an `@`. Without it, by address. */
  readonly id?: string | undefined;
  /** A client needs no certificate of its own. A node unless told otherwise. */
  readonly role?: "node" | "client";
  readonly clock?: Pick<Clock, "now">;
}

export interface Secrets {
  readonly keyring: Keyring;
  /** To be watched for rotation (`watchKeys`). */
  readonly keyFile: string;
  /** PEM texts; undefined where there is no TLS. */
  readonly tls: TlsFiles | undefined;
  /** For `Tokens`: present with TLS. */
  readonly identity: Identity | undefined;
  readonly identities: Identities | undefined;
  /** For people: certificates that end soon or are not for this address. */
  readonly warnings: readonly string[];
}

/** Fails with `secrets.required` off loopback, saying what to run; with `secrets.tls` or `auth.…` for unusable files. */
export function loadSecrets(request: SecretsRequest): Secrets {
  const { role = "node", clock = systemClock, address, advertise, id } = request;
  const dir = request.dir ?? stateDirectory(request.dataDir);
  const layout = layoutOf(dir);
  const exposed = [address, ...(advertise ? [advertise] : [])].find((each) => !isLoopback(each.host))?.host;
  const mayMakeKey = exposed === undefined && request.dir === undefined;
  const keyring = mayMakeKey ? ownKeyring(layout.keyFile, systemEntropy) : readIfThere(layout.keyFile);
  if (!keyring) throw required(`no cluster key (${layout.keyFile})`, exposed, dir, request);
  if (!existsSync(layout.authorityCert)) {
    if (exposed !== undefined) throw required(`no TLS material (${layout.authorityCert})`, exposed, dir, request);
    const none = { tls: undefined, identity: undefined, identities: undefined };
    return { keyring, keyFile: layout.keyFile, ...none, warnings: [] };
  }
  const { host } = advertise ?? address;
  const { tls, warnings } = readTls(layout, { role, id, host, nowMs: clock.now() });
  return {
    keyring,
    keyFile: layout.keyFile,
    tls,
    identity: tls.own && new Identity(tls.own),
    identities: new Identities(tls.ca, clock),
    warnings,
  };
}

function required(what: string, exposed: string | undefined, dir: string, request: SecretsRequest): Failure {
  if (exposed === undefined) {
    const message = `there is ${what}; run distributed_system init ${dir}, or name no directory: on 127.0.0.1 nothing is needed`;
    return new Failure("secrets.required", message);
  }
  const place = request.dir ?? "DIR";
  const { host } = request.advertise ?? request.address;
  const reached = isEveryInterface(host) || isLoopback(host) ? "HOST" : bareHost(host); // HOST: where others reach it
  const name = request.id?.replace(/@.*$/s, "") ?? "NAME";
  const message = `there is ${what} for ${exposed}, which other machines can reach; a cluster key and TLS are required there. Run: distributed_system init ${place} --node ${name}=${reached}, then start with --secrets ${place}; or use 127.0.0.1, where nothing is needed`;
  return new Failure("secrets.required", message, { data: { host: exposed } });
}
