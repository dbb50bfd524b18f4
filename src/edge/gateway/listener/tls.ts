/**
 * TLS towards clients. A plain socket is accepted first and made a TLS one then, with the material of that moment: that is how a
 * certificate rotates without a restart. The runtime keeps a context for each material it has seen, so this costs about 20 µs a connection.
 */
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Socket, SocketHandler } from "bun";
import type { PeerTls } from "../words/index.ts";

export interface TlsMaterial {
  /** PEM: the chain, and its key. */
  readonly certificate: string;
  readonly key: string;
  /** PEM: who may have signed clients' certificates. */
  readonly clientCa?: string | undefined;
  /** `required`: who shows none, or none that is verified, is turned away. */
  readonly clientCertificate: "none" | "optional" | "required";
}

/** In the protocol's own form: each name behind its length. */
const ALPN = "\x02h2\x08http/1.1";
const ALPN_WITHOUT_H2 = "\x08http/1.1";

/** What the types of the runtime leave out of `upgradeTLS`: the side of the server. */
interface ServerUpgrade {
  upgradeTLS<Data>(options: {
    readonly tls: Readonly<Record<string, unknown>>;
    readonly isServer: true;
    readonly data: Data;
    readonly socket: SocketHandler<Data>;
  }): [raw: unknown, secure: Socket<Data>];
}

/** What is known after a handshake. */
export type ShakenSocket = Pick<Socket<unknown>, "authorized" | "getServername"> & {
  readonly alpnProtocol: string | boolean | null;
  getPeerCertificate(): { readonly fingerprint256: string; readonly subject: unknown };
};

export class TlsServer {
  readonly #material: () => TlsMaterial;
  readonly #withHttp2: boolean;
  #last: TlsMaterial | undefined;
  #options: Readonly<Record<string, unknown>> = {};

  /** The material is asked for each connection; the same object means the same material. */
  constructor(material: () => TlsMaterial, withHttp2: boolean) {
    this.#material = material;
    this.#withHttp2 = withHttp2;
  }

  secure<Data>(socket: Socket<unknown>, data: Data, handlers: SocketHandler<Data>): Socket<Data> {
    const upgrade = { tls: this.#now(), isServer: true as const, data, socket: handlers };
    return (socket as unknown as ServerUpgrade).upgradeTLS(upgrade)[1];
  }

  /** For a socket that has been read from: over its bytes. */
  over(below: Duplex): TLSSocket {
    const ALPNProtocols = this.#withHttp2 ? ["h2", "http/1.1"] : ["http/1.1"];
    return new TLSSocket(below as never, { ...this.#now(), ALPNProtocols, isServer: true }); // any stream will do
  }

  #now(): Readonly<Record<string, unknown>> {
    const material = this.#material();
    if (material === this.#last) return this.#options;
    this.#options = optionsOf(material, this.#withHttp2);
    this.#last = material;
    return this.#options;
  }

  /** Whether a client whose handshake is over may come in: it has to show a certificate where one is required. */
  admits(socket: Pick<ShakenSocket, "authorized">): boolean {
    return this.#last?.clientCertificate !== "required" || socket.authorized;
  }

  peerOf(socket: ShakenSocket): PeerTls {
    const serverName = socket.getServername() || undefined;
    const alpn = typeof socket.alpnProtocol === "string" ? socket.alpnProtocol || undefined : undefined;
    if (this.#last?.clientCertificate === "none" || !socket.authorized) return { serverName, alpn };
    return { serverName, alpn, certificate: certificateOf(socket) };
  }
}

function optionsOf(material: TlsMaterial, withHttp2: boolean): Readonly<Record<string, unknown>> {
  const { certificate, clientCa, clientCertificate, key } = material;
  const asks = clientCertificate !== "none";
  return {
    cert: certificate,
    key,
    ALPNProtocols: withHttp2 ? ALPN : ALPN_WITHOUT_H2,
    isServer: true,
    // Who is not verified is turned away after the handshake: so it can be counted and named.
    ...(asks && { requestCert: true, rejectUnauthorized: false, ...(clientCa !== undefined && { ca: clientCa }) }),
  };
}

function certificateOf(socket: ShakenSocket): PeerTls["certificate"] {
  const { fingerprint256, subject } = socket.getPeerCertificate();
  return { fingerprint256, subject: subjectText(subject as unknown as Readonly<Record<string, string | string[]>>) };
}

/** `CN=client one,O=Acme`: as RFC 4514 writes it, in the certificate's order. */
function subjectText(subject: Readonly<Record<string, string | string[]>>): string {
  const pairs = Object.entries(subject).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}=${value.replace(/[\\,+"<>;=]/g, "\\$&")}`),
  );
  return pairs.join(",");
}
