/**
 * Takes links at `GET /link`: looks at the token before anything is upgraded, proves this node in its first frame, and waits a
 * bounded time for the hello of the other side. Links that are half open are counted, bounded and timed; an upgrade that is
 * refused costs one verification, and nothing is kept of it.
 */
import type { Timer } from "../../base/clock.ts";
import { type Failure, toFailure } from "../../base/errors.ts";
import { Encoder, malformed } from "../codec/index.ts";
import {
  helloMessage,
  isNonce,
  LINK_PATH,
  LINK_VERSION,
  NONCE_HEADER,
  proofAudience,
  readHello,
  TOKEN_CHARS_MAX,
  VERSION_HEADER,
  verifyNode,
} from "./hello.ts";
import {
  FRAME_BYTES_TAKEN_MAX,
  HALF_OPEN_MAX,
  HANDSHAKE_TIMEOUT_MS,
  HELLO_BYTES_MAX,
  LINK_LIMITS,
  LINKS_MAX,
  type LinkLimits,
} from "./limits.ts";
import { CLOSE_FAILED, Link } from "./link.ts";
import type { LinkAuth, LinkEnd, LinkRuntime, LinkSelf } from "./types.ts";
import { serverWire } from "./wire.ts";

export interface ServeOptions extends LinkRuntime {
  readonly auth: LinkAuth;
  readonly self: LinkSelf | (() => LinkSelf);
  /** What a token for this node may be addressed to: its id and each of its addresses as `host:port`. */
  readonly audiences: () => readonly string[];
  readonly limits?: Partial<LinkLimits> | undefined;
  readonly linksMax?: number | undefined;
  readonly halfOpenMax?: number | undefined;
  readonly handshakeTimeoutMs?: number | undefined;
  /** Both sides have proved themselves. */
  readonly onLink?: (link: Link) => void;
}

/** What Bun keeps with each WebSocket of ours. */
export interface LinkSocketData {
  readonly peerId: string;
  readonly proof: string;
  timer: Timer | undefined;
  link: Link | undefined;
}

type Socket = Bun.ServerWebSocket<LinkSocketData>;

export interface ServeCounts {
  readonly links: number;
  readonly halfOpen: number;
  readonly accepted: number;
  /** Upgrades that were refused, by why. */
  readonly unauthenticated: number;
  readonly overloaded: number;
  /** Links that were closed because of what came on them, before or after the hello. */
  readonly malformed: number;
  readonly timedOut: number;
}

export interface LinkServer {
  /** For `GET /link`; 404 for any other path. Undefined when the request became a link. */
  fetch(request: Request, server: Bun.Server<LinkSocketData>): Promise<Response | undefined>;
  readonly websocket: Bun.WebSocketHandler<LinkSocketData>;
  readonly links: ReadonlySet<Link>;
  counts(): ServeCounts;
  /** Takes nothing more and ends all links gracefully. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

export function serveLinks(options: ServeOptions): LinkServer {
  const door = new Door(options);
  return {
    fetch: (request, server) => door.upgrade(request, server),
    websocket: {
      perMessageDeflate: false,
      maxPayloadLength: FRAME_BYTES_TAKEN_MAX,
      backpressureLimit: 0, // the outbox bounds it, with words and without losing a frame
      idleTimeout: 0, // heart-beats tell earlier
      sendPings: false,
      open: (socket) => door.opened(socket),
      message: (socket, data) => door.received(socket, data),
      drain: (socket) => socket.data.link?.drain(),
      close: (socket, code, reason) => door.closed(socket, code, reason),
    },
    links: door.links,
    counts: () => door.counts(),
    close: (how) => door.close(how),
  };
}

class Door {
  readonly links = new Set<Link>();
  readonly #options: ServeOptions;
  readonly #halfOpenMax: number;
  readonly #counts = { accepted: 0, unauthenticated: 0, overloaded: 0, malformed: 0, timedOut: 0 };
  readonly #opening = new Set<Socket>();
  #upgrading = 0;
  #isClosed = false;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#halfOpenMax = options.halfOpenMax ?? HALF_OPEN_MAX;
  }

  get #self(): LinkSelf {
    const { self } = this.#options;
    return typeof self === "function" ? self() : self;
  }

  counts(): ServeCounts {
    return { ...this.#counts, links: this.links.size, halfOpen: this.#upgrading + this.#opening.size };
  }

  async upgrade(request: Request, server: Bun.Server<LinkSocketData>): Promise<Response | undefined> {
    if (request.method !== "GET" || new URL(request.url).pathname !== LINK_PATH) return refusal(404);
    const { linksMax = LINKS_MAX } = this.#options;
    const isFull = this.#upgrading + this.#opening.size >= this.#halfOpenMax || this.links.size >= linksMax;
    if (isFull || this.#isClosed) {
      this.#counts.overloaded++;
      return refusal(503);
    }
    this.#upgrading++;
    try {
      const data = await this.#admit(request);
      if (data && !this.#isClosed && server.upgrade(request, { data })) return undefined;
      return refusal(data ? 400 : 401);
    } finally {
      this.#upgrading--;
    }
  }

  /** Undefined when the request does not show that it comes from a node of this cluster. */
  async #admit({ headers }: Request): Promise<LinkSocketData | undefined> {
    const { auth, audiences } = this.#options;
    try {
      const [, token] = /^Bearer ([\x21-\x7e]+)$/.exec(headers.get("authorization") ?? "") ?? [];
      const nonce = headers.get(NONCE_HEADER) ?? "";
      const isReadable = isNonce(nonce) && headers.get(VERSION_HEADER) === String(LINK_VERSION);
      if (token === undefined || token.length > TOKEN_CHARS_MAX || !isReadable) throw malformed("no token");
      const { id } = await verifyNode(auth, token, audiences());
      const proof = await auth.token(proofAudience(id, nonce));
      return { peerId: id, proof, timer: undefined, link: undefined };
    } catch {
      this.#counts.unauthenticated++; // told to nobody: whoever guesses learns nothing from it
      return undefined;
    }
  }

  opened(socket: Socket): void {
    const { clock, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = this.#options;
    const { proof } = socket.data;
    this.#opening.add(socket);
    socket.data.timer = clock.after(handshakeTimeoutMs, () => {
      this.#counts.timedOut++;
      socket.terminate();
    });
    socket.binaryType = "nodebuffer";
    socket.sendBinary(new Encoder().encode([helloMessage(this.#self, proof)]) as Uint8Array<ArrayBuffer>); // as in wire.ts
  }

  received(socket: Socket, data: string | Buffer): void {
    const { link } = socket.data;
    try {
      if (typeof data === "string") throw malformed("a text frame; links are binary");
      if (link) link.receive(data);
      else this.#begin(socket, data);
    } catch (thrown) {
      this.#refuse(socket, toFailure(thrown, "link.defect"));
    }
  }

  #begin(socket: Socket, frame: Buffer): void {
    if (frame.byteLength > HELLO_BYTES_MAX) throw malformed(`${frame.byteLength} bytes before the hello`);
    const { instance, address } = readHello(frame);
    const { peerId } = socket.data;
    this.#forget(socket);
    const limits = { ...LINK_LIMITS, ...this.#options.limits };
    const peer = { id: peerId, instance, address };
    const link = new Link({ peer, isDialer: false, wire: serverWire(socket), limits, runtime: this.#options });
    socket.data.link = link;
    this.#counts.accepted++;
    this.links.add(link);
    void link.closed.then((end) => this.#ended(link, end));
    this.#options.onLink?.(link);
  }

  #refuse(socket: Socket, failure: Failure): void {
    const { link } = socket.data;
    if (link) return link.destroy(failure);
    this.#counts.malformed++;
    this.#forget(socket);
    socket.close(CLOSE_FAILED, failure.code);
  }

  closed(socket: Socket, code: number, reason: string): void {
    this.#forget(socket);
    socket.data.link?.gone(code, reason);
  }

  #ended(link: Link, { reason }: LinkEnd): void {
    this.links.delete(link);
    if (reason.code === "link.malformed") this.#counts.malformed++;
  }

  #forget(socket: Socket): void {
    socket.data.timer?.cancel();
    this.#opening.delete(socket);
  }

  async close({ graceMs }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#isClosed = true;
    for (const socket of [...this.#opening]) socket.terminate();
    const how = { why: "this node ends", ...(graceMs !== undefined && { graceMs }) };
    await Promise.all([...this.links].map((link) => link.close(how)));
  }
}

/** Without a word: whoever may not come in learns nothing. */
function refusal(status: number): Response {
  return new Response(null, { status });
}
