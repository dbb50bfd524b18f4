/** The port: HTTP, or HTTPS where there is a certificate. Every wait for a sender has an end, and connections are counted. */
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Address, formatAddress } from "../../../../base/address.ts";
import { Failure, messageOf } from "../../../../base/errors.ts";
import type { HttpSettings } from "./settings.ts";

/** Headers are small: whoever takes longer holds a connection for nothing. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the pauses of a sender that means to go on. */
const KEEP_ALIVE_MS = 60_000;
const CHECK_EVERY_MS = 1000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Far more than may have a request under way, few enough that their buffers cost little. */
const CONNECTIONS_MAX = 4096;

type ServerSettings = Pick<HttpSettings, "address" | "requestTimeoutMs" | "tls">;

export interface ListeningServer {
  readonly url: string;
  /** No further connection. */
  refuse(): void;
  /** Ends the connections there are. */
  close(): Promise<void>;
}

/** Fails with `source.http.listen` or `source.http.tls`. */
export async function startServer(settings: ServerSettings, handle: RequestListener): Promise<ListeningServer> {
  const { address, requestTimeoutMs, tls } = settings;
  const options = {
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, requestTimeoutMs),
    maxHeaderSize: HEADER_BYTES_MAX,
  };
  const server = tls ? createTlsServer({ ...options, ...readTls(tls) }, handle) : createServer(options, handle);
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, address);
  const { port } = server.address() as AddressInfo; // a TCP server's
  const ended = Promise.withResolvers<void>();
  server.once("close", () => ended.resolve());
  return {
    url: `${tls ? "https" : "http"}://${formatAddress({ ...address, port })}`,
    refuse: () => void server.close(),
    close: () => {
      server.closeAllConnections();
      return ended.promise;
    },
  };
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (thrown: Error): void => {
      const place = formatAddress(address);
      const message = `cannot take requests at ${place}: ${thrown.message}; a free port and an address of this machine are required`;
      reject(new Failure("source.http.listen", message, { cause: thrown }));
    };
    server.once("error", fail);
    server.listen(address.port, address.host, () => {
      server.off("error", fail);
      server.on("error", () => {}); // of one connection: its sender is told by its end
      resolve();
    });
  });
}

function readTls({ cert, key }: { cert: string; key: string }): { cert: Buffer; key: Buffer } {
  try {
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } catch (thrown) {
    throw new Failure("source.http.tls", `cannot read tls_cert=${cert} and tls_key=${key}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
