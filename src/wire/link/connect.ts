/** Opens a link: dials, proves this node, has the other side prove itself, and only then speaks. */
import type { TLSOptions } from "bun";
import { Failure, messageOf, toFailure } from "../../base/errors.ts";
import { Encoder, malformed } from "../codec/index.ts";
import { closedFailure } from "./failures.ts";
import {
  audienceOf,
  helloMessage,
  LINK_PATH,
  LINK_VERSION,
  NONCE_BYTES,
  NONCE_HEADER,
  proofAudience,
  readHello,
  TOKEN_CHARS_MAX,
  VERSION_HEADER,
  verifyNode,
} from "./hello.ts";
import { HANDSHAKE_TIMEOUT_MS, LINK_LIMITS, type LinkLimits } from "./limits.ts";
import { CLOSE_FAILED, Link } from "./link.ts";
import type { LinkAddress, LinkAuth, LinkPeer, LinkRuntime, LinkSelf } from "./types.ts";
import { clientWire } from "./wire.ts";

export interface ConnectOptions extends LinkRuntime {
  readonly auth: LinkAuth;
  readonly self: LinkSelf;
  /** Unpredictable bytes, for nonces. */
  readonly entropy: (sizeBytes: number) => Uint8Array;
  /** With it the link is encrypted: `ca`, and `cert` and `key` of this node. */
  readonly tls?: TLSOptions | undefined;
  readonly limits?: Partial<LinkLimits> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fails with `link.unreachable` (nobody there, or the upgrade was refused), `link.unproven` (whoever answers cannot prove to
 * be of this cluster), `link.timeout`, `link.self`, or the signal's reason.
 */
export async function connectLink(address: LinkAddress, options: ConnectOptions): Promise<Link> {
  const { auth, self, clock, entropy, signal, timeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  const audience = audienceOf(address);
  const nonce = Buffer.from(entropy(NONCE_BYTES)).toString("base64url");
  const token = await auth.token(audience);
  signal?.throwIfAborted();
  const dialing = new Dialing(address, options, { audience, nonce, proof: proofAudience(self.id, nonce) });
  const timer = clock.after(timeoutMs, () => {
    dialing.fail(new Failure("link.timeout", `no link to ${audience} within ${timeoutMs} ms`, { retryable: true }));
  });
  const giveUp = (): void => dialing.fail(toFailure(signal!.reason, "link.cancelled"));
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    dialing.open(token);
    return await dialing.link;
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", giveUp);
  }
}

/** Bun's words for the answer 401 to an upgrade; the peer says no more, so that nobody learns from it. */
const REFUSED = /\b401\b/;

interface Terms {
  readonly audience: string;
  readonly nonce: string;
  readonly proof: string;
}

class Dialing {
  readonly link: Promise<Link>;
  readonly #address: LinkAddress;
  readonly #options: ConnectOptions;
  readonly #terms: Terms;
  readonly #settle: PromiseWithResolvers<Link>;
  #socket: WebSocket | undefined;
  #state: "dialing" | "verifying" | "linked" | "failed" = "dialing";
  #made: Link | undefined;

  constructor(address: LinkAddress, options: ConnectOptions, terms: Terms) {
    this.#address = address;
    this.#options = options;
    this.#terms = terms;
    this.#settle = Promise.withResolvers();
    this.link = this.#settle.promise;
  }

  open(token: string): void {
    const { tls } = this.#options;
    const { audience, nonce } = this.#terms;
    const headers = { authorization: `Bearer ${token}`, [NONCE_HEADER]: nonce, [VERSION_HEADER]: String(LINK_VERSION) };
    const scheme = tls ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${audience}${LINK_PATH}`, {
      headers,
      perMessageDeflate: false,
      ...(tls && { tls }),
    });
    this.#socket = socket;
    socket.binaryType = "nodebuffer";
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    socket.onerror = (event) => this.#unreachable("message" in event ? String(event.message) : "refused");
  }

  fail(failure: Failure): void {
    if (this.#state === "linked" || this.#state === "failed") return;
    this.#state = "failed";
    this.#socket?.close(CLOSE_FAILED, failure.code);
    this.#socket?.terminate();
    this.#settle.reject(failure);
  }

  #receive(data: unknown): void {
    if (this.#made) return this.#toLink(this.#made, data);
    if (this.#state !== "dialing" || !(data instanceof Uint8Array)) {
      return this.fail(malformed(`${this.#terms.audience} speaks before it was answered`));
    }
    this.#state = "verifying";
    this.#verify(data).catch((thrown) => this.fail(toFailure(thrown, "link.unproven")));
  }

  async #verify(frame: Uint8Array): Promise<void> {
    const { auth, self } = this.#options;
    const { audience, proof } = this.#terms;
    const hello = readHello(frame);
    if (typeof hello.proof !== "string" || hello.proof.length > TOKEN_CHARS_MAX)
      throw malformed("a hello without a proof");
    const { id } = await verifyNode(auth, hello.proof, proof).catch((thrown) => {
      const message = `whoever answers at ${audience} is no node of this cluster: ${messageOf(thrown)}`;
      throw new Failure("link.unproven", message, { cause: thrown });
    });
    if (this.#state !== "verifying") return;
    if (id === self.id) throw new Failure("link.self", `${audience} is this node itself`);
    this.#linked({ id, instance: hello.instance, address: this.#address });
  }

  #linked(peer: LinkPeer): void {
    const wire = clientWire(this.#socket!);
    wire.send(new Encoder().encode([helloMessage(this.#options.self)]));
    const limits = { ...LINK_LIMITS, ...this.#options.limits };
    this.#made = new Link({ peer, isDialer: true, wire, limits, runtime: this.#options });
    this.#state = "linked";
    this.#settle.resolve(this.#made);
  }

  #toLink(link: Link, data: unknown): void {
    if (data instanceof Uint8Array) link.receive(data);
    else link.destroy(malformed("a text frame; links are binary"));
  }

  #closed(code: number, reason: string): void {
    if (this.#made) this.#made.gone(code, reason);
    else if (code === CLOSE_FAILED) this.fail(closedFailure(this.#terms.audience, reason));
    else this.#unreachable(reason);
  }

  #unreachable(why: string): void {
    const { audience } = this.#terms;
    if (REFUSED.test(why)) {
      const message = `${audience} refuses this node: it goes by another cluster key (another --secrets, another --data-dir, another user's), its clock is far off, or it knows itself by another address`;
      return this.fail(new Failure("link.refused", message, { retryable: true }));
    }
    this.fail(new Failure("link.unreachable", `no link to ${audience}: ${why || "refused"}`, { retryable: true }));
  }
}
