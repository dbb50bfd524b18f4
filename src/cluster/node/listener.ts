/**
 * One address, one number: a TCP port that speaks HTTP(S) and WebSocket, and the UDP port of the same number for gossip. It
 * opens and closes them and carries datagrams; what is answered is given from outside.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { TLSOptions } from "bun";
import type { Clock } from "../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../base/errors.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenerOptions<Data> {
  /** Where to listen: an address of this machine, never left out, because without one it would be all of them. */
  readonly host: string;
  /** 0 takes a number that is free on both. */
  readonly port: number;
  readonly tls?: TLSOptions;
  readonly clock: Clock;
  readonly fetch: (request: Request, server: Bun.Server<Data>) => Response | undefined | Promise<Response | undefined>;
  readonly websocket: Bun.WebSocketHandler<Data>;
  readonly onDatagram: (from: ListenAddress, bytes: Uint8Array) => void;
  /** The address of a name; the system's unless told otherwise. */
  readonly resolve?: (name: string) => Promise<string>;
  /** A datagram could not be sent, or a defect in an answer. */
  readonly warn: (what: string) => void;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Sent or lost, as datagrams are; never throws. */
  sendDatagram(to: ListenAddress, bytes: Uint8Array): void;
  /** Takes nothing more; connections that are open are cut. */
  close(): Promise<void>;
}

/** With port 0: the number that TCP got may be taken on UDP by somebody else. More tries would mean that all are. */
const PORT_TRIES = 20;
/** Bodies of calls are bounded by what answers them, with words; this is for those that nothing would read. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;
/** A caller without a word for so long has gone, or holds a connection for nothing. */
export const IDLE_S = 30;
/** How long a name's address is believed: names of machines move seldom, and a stale one costs datagrams only. */
const NAME_TTL_MS = 30_000;
/** A name that could not be looked up is asked for again: not with every datagram, and long before anybody is given up. */
const NAME_AGAIN_MS = 1_000;
/** Names that are remembered; peers announce addresses, so there are few. */
const NAMES_MAX = 1_024;

/** Fails with `node.listen.…` when the address is not this machine's, or its number taken. */
export async function openListener<Data>(options: ListenerOptions<Data>): Promise<Listener> {
  const tries = options.port === 0 ? PORT_TRIES : 1;
  for (let left = tries; ; left--) {
    const server = openTcp(options);
    const port = server.port!; // a TCP server has one
    try {
      const udp = await openUdp(options, port);
      return listenerOf(server, udp, { ...options, port });
    } catch (thrown) {
      await server.stop(true);
      const failure = listenFailure(thrown, "UDP", options.host, port);
      if (left <= 1 || failure.code !== "node.listen.taken") throw failure;
    }
  }
}

function openTcp<Data>({ host, port, tls, fetch, websocket, warn }: ListenerOptions<Data>): Bun.Server<Data> {
  try {
    return Bun.serve<Data>({
      hostname: host,
      port,
      ...(tls && { tls }),
      maxRequestBodySize: BODY_BYTES_MAX,
      idleTimeout: IDLE_S,
      // Told outright: `development: false` alone lets several servers share the number, and each gets some of the calls.
      development: false,
      reusePort: false,
      fetch: (request, server) => fetch(request, server),
      websocket,
      error(thrown) {
        warn(`answering a request: ${thrown.stack ?? thrown.message}`);
        return new Response(null, { status: 500 });
      },
    });
  } catch (thrown) {
    throw listenFailure(thrown, "TCP", host, port);
  }
}

type Udp = Awaited<ReturnType<typeof openUdp>>;

function openUdp<Data>({ host, onDatagram }: ListenerOptions<Data>, port: number) {
  return Bun.udpSocket({
    hostname: host,
    port,
    socket: {
      data: (_socket, bytes, fromPort, fromHost) => onDatagram({ host: fromHost, port: fromPort }, bytes),
      // The kernel tells that some earlier datagram met a closed port, and not which one: the protocol above finds out.
      error: () => {},
    },
  });
}

function listenFailure(thrown: unknown, kind: string, host: string, port: number): Failure {
  const code = (thrown as { readonly code?: unknown }).code; // of the system, where it has one
  const where = `${kind} ${host}:${port}`;
  if (code === "EADDRINUSE") {
    return new Failure("node.listen.taken", `cannot listen on ${where}: somebody else does; another port is required`);
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new Failure("node.listen.address", `cannot listen on ${where}: that is no address of this machine`);
  }
  if (code === "EACCES") {
    return new Failure(
      "node.listen.forbidden",
      `cannot listen on ${where}: this user may not; a port above 1023 is required`,
    );
  }
  return toFailure(
    new Error(`cannot listen on ${where}: ${messageOf(thrown)}`, { cause: thrown }),
    "node.listen.failed",
  );
}

async function systemLookUp(name: string): Promise<string> {
  const { address } = await lookup(name);
  return address;
}

interface Resolved {
  readonly address: string | undefined;
  readonly untilMs: number;
}

function listenerOf<Data>(server: Bun.Server<Data>, udp: Udp, options: ListenerOptions<Data>): Listener {
  const { clock, host, port, resolve = systemLookUp, warn } = options;
  const names = new Map<string, Resolved>();

  const send = (address: string, toPort: number, bytes: Uint8Array): void => {
    try {
      udp.send(bytes, toPort, address);
    } catch (thrown) {
      warn(`a datagram of ${bytes.byteLength} bytes to ${address}:${toPort} was not sent: ${messageOf(thrown)}`);
    }
  };
  const learn = async (name: string): Promise<void> => {
    if (names.size >= NAMES_MAX) names.delete(names.keys().next().value!);
    const before = names.get(name)?.address; // good until there is a better one
    names.set(name, { address: before, untilMs: clock.monotonic() + NAME_AGAIN_MS });
    try {
      const address = await resolve(name);
      names.set(name, { address, untilMs: clock.monotonic() + NAME_TTL_MS });
    } catch (thrown) {
      warn(`the name ${JSON.stringify(name)} has no address: ${messageOf(thrown)}`);
    }
  };
  return {
    host,
    port,
    sendDatagram(to, bytes) {
      if (isIP(to.host)) return send(to.host, to.port, bytes);
      const known = names.get(to.host);
      if (known?.address !== undefined) send(known.address, to.port, bytes);
      if (known === undefined || known.untilMs <= clock.monotonic()) void learn(to.host);
    },
    async close() {
      udp.close();
      await server.stop(true);
    },
  };
}
