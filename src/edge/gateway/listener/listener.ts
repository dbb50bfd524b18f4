/**
 * The door: sockets come in, exchanges go out. It admits or turns away, finds out what is spoken (by ALPN, or by the first bytes), and
 * owns the one timer that all time-outs of clients hang on. What is said on a connection is its speaker's matter.
 */
import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import type { Clock } from "../../../base/clock.ts";
import { Deadlines } from "../../../base/deadlines.ts";
import { Failure } from "../../../base/errors.ts";
import { IpNetworks } from "../../../base/ip-networks.ts";
import { HeadWriter } from "../../../wire/http/index.ts";
import type { ExchangeHandler, Peer, PeerTls } from "../words/index.ts";
import { Admission } from "./admission.ts";
import { CarriedTls, type SocketEars } from "./carried-tls.ts";
import { defect, refusalBytes } from "./client-faults.ts";
import type { Http2Opener, ListenerFault, ListenerSettings, SocketUser, SpeakerContext } from "./connection.ts";
import { Cork } from "./cork.ts";
import { DateField } from "./date-field.ts";
import { Handshake } from "./handshake.ts";
import { Http1Connection } from "./http1-connection.ts";
import { openHttp2 } from "./http2-server.ts";
import { listenFailure } from "./listen-failure.ts";
import { Peek } from "./peek.ts";
import { ProxyGreeting } from "./proxy-greeting.ts";
import { ClientPort, type PortOwner, type RuntimeSocket } from "./socket-port.ts";
import { type ShakenSocket, type TlsMaterial, TlsServer } from "./tls.ts";

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Several processes may listen on one port, and share its connections. */
  readonly reusePort?: boolean | undefined;
  /** Asked for each connection; the same object means the same material. */
  readonly tls?: (() => TlsMaterial) | undefined;
  readonly settings: ListenerSettings;
  readonly clock: Clock;
  readonly handle: ExchangeHandler;
  /** Who speaks HTTP/2; none: only HTTP/1 is spoken. Default: our own. */
  readonly http2?: Http2Opener | "none" | undefined;
  readonly onFault?: ((fault: ListenerFault) => void) | undefined;
}

export interface ListenerCounts {
  readonly connections: number;
  readonly accepted: number;
  /** Turned away: too many connections. */
  readonly refused: number;
  readonly requests: number;
  /** What clients did wrong. */
  readonly faults: number;
  readonly handshakesFailed: number;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** For connections from now on. */
  reload(settings: ListenerSettings): void;
  /** No new connections. */
  stopAccepting(): void;
  /** No new connections and requests; those under way have that long. */
  close(graceMs: number): Promise<void>;
  counts(): ListenerCounts;
}

/** Deadlines closer together than this are looked at together. */
const SWEEP_MS_MIN = 20;

export function openListener(options: ListenerOptions): Listener {
  return new OpenListener(options);
}

class OpenListener implements Listener, PortOwner {
  readonly cork = new Cork();
  readonly #options: ListenerOptions;
  readonly #http2: Http2Opener | undefined;
  readonly #server: TCPSocketListener<SocketEars | undefined>;
  readonly #tls: TlsServer | undefined;
  readonly #writer = new HeadWriter();
  readonly #date: DateField;
  readonly #admission = new Admission();
  readonly #ports = new Set<ClientPort>();
  /** Of proxies that have not said yet whom they are for. */
  readonly #unnamed = new Set<ClientPort>();
  readonly #deadlines: Deadlines;
  readonly #counts = { accepted: 0, refused: 0, requests: 0, faults: 0, handshakesFailed: 0 };
  #settings: ListenerSettings;
  #proxies: IpNetworks;
  #onEmpty: (() => void) | undefined;
  #isClosing = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#proxies = proxiesOf(options.settings);
    this.#http2 = options.http2 === "none" ? undefined : (options.http2 ?? openHttp2);
    this.#tls = options.tls && new TlsServer(options.tls, this.#http2 !== undefined);
    this.#date = new DateField(options.clock);
    this.#deadlines = new Deadlines(options.clock, (nowMs) => this.#sweep(nowMs));
    this.#server = this.#listen(options);
  }

  get host(): string {
    return this.#options.host;
  }

  get port(): number {
    return this.#server.port;
  }

  reload(settings: ListenerSettings): void {
    this.#settings = settings;
    this.#proxies = proxiesOf(settings);
  }

  stopAccepting(): void {
    this.#server.stop(false);
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.stopAccepting();
    for (const port of [...this.#ports]) port.user?.drain();
    if (this.#ports.size > 0) await this.#emptied(graceMs);
    const cause = new Failure("gateway.closing", "the gateway is closing");
    for (const port of [...this.#ports]) {
      const { user } = port;
      if (user?.sayGoodbye?.(cause)) continue;
      port.destroy();
      user?.onClosed(cause);
    }
    this.#deadlines.stop();
    this.#date.stop();
    this.#server.stop(true);
  }

  counts(): ListenerCounts {
    return { connections: this.#admission.connections, ...this.#counts };
  }

  // What ports call.

  now(): number {
    return this.#options.clock.monotonic();
  }

  note(dueMs: number): void {
    this.#deadlines.note(Math.ceil(dueMs / SWEEP_MS_MIN) * SWEEP_MS_MIN);
  }

  get pace(): { readonly bytes: number; readonly ms: number } {
    const { bodyIdleMs, bytesPerSecondMin } = this.#settings;
    return { bytes: Math.max(1, (bytesPerSecondMin * bodyIdleMs) / 1_000), ms: bodyIdleMs };
  }

  onGone(port: ClientPort): void {
    if (!this.#ports.delete(port)) return;
    if (this.#unnamed.delete(port)) this.#admission.leaveUnnamed();
    else this.#admission.leave(port.peer.address);
    if (this.#ports.size === 0) this.#onEmpty?.();
  }

  onDefect(port: ClientPort, failure: Failure): void {
    this.#fault(port.peer, failure);
  }

  #listen({ host, port, reusePort = false }: ListenerOptions): TCPSocketListener<SocketEars | undefined> {
    const socket: SocketHandler<SocketEars | undefined> = {
      open: (opened) => this.#accept(opened),
      ...this.#handlers(),
      // With TLS most are upgraded before they are heard: the secure one tells what becomes of them.
      ...(this.#tls && { error: (opened, error) => void (opened.data && this.#failed(opened, error)) }),
    };
    try {
      // The types know neither of the two last words for listeners; the runtime does.
      const options = { hostname: host, port, socket, allowHalfOpen: true, reusePort };
      return Bun.listen<SocketEars | undefined>(options);
    } catch (thrown) {
      throw listenFailure(host, port, thrown);
    }
  }

  #handlers(): SocketHandler<SocketEars | undefined> {
    return {
      data: (socket, bytes) => socket.data?.received(bytes),
      drain: (socket) => socket.data?.drained(),
      end: (socket) => socket.data?.ended(),
      close: (socket, error) => socket.data?.closed(error && brokenBy(error)),
      error: (socket, error) => this.#failed(socket, error),
    };
  }

  #accept(socket: Socket<SocketEars | undefined>): void {
    const peer = peerOf(socket);
    this.#counts.accepted++;
    if (this.#proxies.has(peer.address)) return this.#greet(socket, peer);
    if (!this.#admission.enter(peer.address, this.#settings)) return this.#turnAway(socket);
    if (this.#tls) return this.#shakeHands(socket, peer, this.#tls);
    this.#speakPlain(socket, peer);
  }

  #speakPlain(socket: Socket<SocketEars | undefined>, peer: Peer): ClientPort {
    const port = this.#portOn(socket, peer);
    socket.data = port;
    this.#speak(port, peer, undefined);
    return port;
  }

  #portOn(socket: RuntimeSocket, peer: Peer): ClientPort {
    const port = new ClientPort(socket, this, peer);
    this.#ports.add(port);
    return port;
  }

  /** A proxy has to say first whom it is for; until then it counts as nobody's. */
  #greet(socket: Socket<SocketEars | undefined>, proxy: Peer): void {
    if (!this.#admission.enterUnnamed(this.#settings)) return this.#turnAway(socket);
    const port = this.#portOn(socket, proxy);
    this.#unnamed.add(port);
    socket.data = port;
    port.user = new ProxyGreeting(port, this, this.#settings.headTimeoutMs, {
      onSource: (source, rest) => this.#greeted(socket, port, source ?? proxy, rest),
      onFault: (failure) => this.#fault(proxy, failure),
    });
  }

  #greeted(socket: Socket<SocketEars | undefined>, greeting: ClientPort, peer: Peer, rest: Uint8Array): void {
    greeting.user = undefined;
    socket.data = undefined;
    const isIn = this.#admission.enter(peer.address, this.#settings, 1);
    if (isIn && this.#tls) this.#shakeHandsOver(socket, peer, this.#tls, rest);
    else if (isIn) {
      const port = this.#speakPlain(socket, peer);
      if (rest.byteLength > 0) port.received(rest);
    } else this.#turnAway(socket);
    this.onGone(greeting);
  }

  /** Too many: a plain client is told so in one short reply, and not listened to. */
  #turnAway(socket: Socket<SocketEars | undefined>): void {
    this.#counts.refused++;
    if (!this.#tls) socket.write(refusalBytes(this.#writer, 503, "gateway.too_many_connections", this.#date.text));
    socket.end();
  }

  #shakeHands(socket: Socket<SocketEars | undefined>, peer: Peer, tls: TlsServer): void {
    let secure: Socket<ClientPort | undefined>;
    try {
      secure = tls.secure<ClientPort | undefined>(socket, undefined, {
        ...(this.#handlers() as SocketHandler<ClientPort | undefined>), // they ask no more of it
        handshake: (shaken, isDone) => {
          if (shaken.data && isDone) this.#shaken(shaken, shaken.data, peer, tls);
          else shaken.data?.closed(undefined);
        },
      });
    } catch (thrown) {
      this.#admission.leave(peer.address);
      return this.#notOpened(socket, peer, thrown); // the material is none
    }
    const port = this.#portOn(secure, peer);
    secure.data = port;
    this.#awaitHandshake(port);
  }

  #awaitHandshake(port: ClientPort): void {
    port.user = new Handshake(port, this, this.#settings.headTimeoutMs, () => this.#counts.handshakesFailed++);
  }

  /** Over what has been read already, and what comes. */
  #shakeHandsOver(socket: Socket<SocketEars | undefined>, peer: Peer, tls: TlsServer, rest: Uint8Array): void {
    let carried: CarriedTls;
    try {
      carried = new CarriedTls(socket, (below) => tls.over(below));
    } catch (thrown) {
      this.#admission.leave(peer.address);
      return this.#notOpened(socket, peer, thrown); // the material is none
    }
    const port = this.#portOn(carried, peer);
    socket.data = carried;
    this.#awaitHandshake(port);
    carried.start(port, rest, () => this.#shaken(carried, port, peer, tls));
  }

  #shaken(socket: ShakenSocket, port: ClientPort, peer: Peer, tls: TlsServer): void {
    if (!port.isOpen) return;
    if (tls.admits(socket)) return this.#speak(port, { ...peer, tls: tls.peerOf(socket) }, tls.peerOf(socket));
    this.#counts.handshakesFailed++;
    this.#fault(peer, new Failure("gateway.client_certificate", "the client shows no certificate that is verified"));
    port.destroy();
  }

  #speak(port: ClientPort, peer: Peer, tls: PeerTls | undefined): void {
    const context = this.#contextFor(port, peer);
    const http2 = this.#http2;
    const choose = (isHttp2: boolean): SocketUser => {
      const user = isHttp2 && http2 ? http2(port, context) : new Http1Connection(port, context, this.#writer);
      port.user = user;
      if (this.#isClosing) user.drain();
      return user;
    };
    if (http2 === undefined || tls?.alpn === "http/1.1") choose(false);
    else if (tls?.alpn === "h2") choose(true);
    else {
      port.user = new Peek(port, context, choose);
      if (this.#isClosing) port.user.drain();
    }
  }

  #contextFor(port: ClientPort, peer: Peer): SpeakerContext {
    return {
      peer,
      scheme: this.#tls ? "https" : "http",
      settings: this.#settings,
      handle: this.#options.handle,
      now: () => this.now(),
      date: this.#date,
      note: (dueMs) => this.note(dueMs),
      onFault: (failure) => this.#fault(peer, failure),
      onDefect: (thrown) => port.broke(thrown),
      onRequest: () => {
        this.#counts.requests++;
      },
    };
  }

  #fault(peer: Peer, failure: Failure): void {
    this.#counts.faults++;
    this.#options.onFault?.({ peer, failure });
  }

  /** The runtime's word for a broken connection, and for what one of our own calls has thrown: that is a defect. */
  #failed(socket: Socket<SocketEars | undefined>, error: Error): void {
    if ("code" in error && !(error instanceof Failure)) socket.data?.closed(brokenBy(error));
    else if (socket.data) socket.data.broke(error);
    else this.#notOpened(socket, peerOf(socket), error);
  }

  /** Before there was a port. */
  #notOpened(socket: Pick<RuntimeSocket, "terminate">, peer: Peer, thrown: unknown): void {
    socket.terminate();
    this.#fault(peer, defect(thrown));
  }

  #sweep(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const port of this.#ports) next = Math.min(next, port.sweep(nowMs));
    return Math.max(next, nowMs + SWEEP_MS_MIN);
  }

  #emptied(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(graceMs, resolve);
      this.#onEmpty = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

function proxiesOf({ proxyProtocol = [] }: ListenerSettings): IpNetworks {
  const networks = IpNetworks.read(proxyProtocol);
  if (!("wrong" in networks)) return networks;
  throw new Failure("gateway.bad_network", `the network ${networks.wrong} of proxy_protocol is none; CIDR is required`);
}

const MAPPED = "::ffff:";

/** IPv4 in IPv6 is IPv4. */
function peerOf(socket: Pick<Socket<unknown>, "remoteAddress" | "remotePort">): Peer {
  const { remoteAddress: address, remotePort: port } = socket;
  const isMapped = address.startsWith(MAPPED) && address.includes(".");
  return { address: isMapped ? address.slice(MAPPED.length) : address, port };
}

function brokenBy(error: Error): Failure {
  return new Failure("gateway.client_gone", `the connection to the client broke: ${error.message}`, { cause: error });
}
