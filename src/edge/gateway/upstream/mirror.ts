/**
 * Copies of requests for another target, whose replies are thrown away. A copy goes out when the request's body is known whole, and never
 * makes the request wait: where the body is too long, or too many copies are under way, there is none.
 */
import { Failure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import {
  type BodySink,
  type BodySource,
  type HeaderList,
  NO_BODY,
  type ReplyHead,
  type RequestHead,
} from "../../../wire/http/index.ts";
import type { Origin, OriginTarget, TargetPlan, UpstreamEvents, Upstreams, UpstreamTls } from "../words/index.ts";
import { discard } from "./discard.ts";
import type { GroupRequest } from "./group-words.ts";
import type { KeptBody } from "./kept-body.ts";
import { MIRROR_REPLY_BYTES_MAX, MIRROR_TOTAL_MS, MIRRORS_MAX } from "./limits.ts";

export interface MirrorPorts {
  readonly target: TargetPlan & OriginTarget;
  readonly share: number;
  readonly random: Random;
  readonly upstreams: Upstreams;
  readonly connectMs: number;
  readonly tls: UpstreamTls | undefined;
  readonly version: "1.1" | "2" | undefined;
  readonly failed: (failure: Failure) => void;
}

export class Mirror {
  readonly #ports: MirrorPorts;
  #underWay = 0;
  #sent = 0;
  #skipped = 0;

  constructor(ports: MirrorPorts) {
    this.#ports = ports;
  }

  get sent(): number {
    return this.#sent;
  }

  get skipped(): number {
    return this.#skipped;
  }

  /** Whether this request gets a copy. */
  draws(): boolean {
    const { random, share } = this.#ports;
    return share >= 1 || random.next() < share;
  }

  /** The head is taken now; the body when it is whole. */
  copy(request: GroupRequest, body: KeptBody | undefined): void {
    const place = this.#placeOf(request);
    if (place === undefined || place.head.protocol !== undefined || this.#underWay >= MIRRORS_MAX) return this.#skip();
    const { head, origin } = place;
    this.#underWay++;
    if (body === undefined) return this.#send(head, origin, NO_BODY);
    body.whenWhole((chunks, trailers) => {
      if (chunks !== undefined) return this.#send(head, origin, new ChunksSource(chunks, trailers));
      this.#underWay--;
      this.#skip();
    });
  }

  /** Undefined: what the client sent makes no host or path of this target; the request itself may go all the same. */
  #placeOf(request: GroupRequest): { readonly head: RequestHead; readonly origin: Origin } | undefined {
    const { target } = this.#ports;
    try {
      const origin = target.isDynamic ? (request.originFor?.(target) ?? target.origin) : target.origin;
      return { head: request.headFor(target), origin };
    } catch (thrown) {
      if (thrown instanceof Failure) return undefined;
      throw thrown;
    }
  }

  #send(head: RequestHead, origin: Origin, body: BodySource): void {
    const { connectMs, target, tls, upstreams, version } = this.#ports;
    const timeouts = { connectMs, totalMs: MIRROR_TOTAL_MS };
    this.#sent++;
    upstreams.ask({ origin, head, body, timeouts, isDynamic: target.isDynamic, tls, version }, this.#events());
  }

  #events(): UpstreamEvents {
    return {
      onReply: (_head: ReplyHead, body: BodySource) => discard(body, MIRROR_REPLY_BYTES_MAX),
      onFailure: (failure) => {
        this.#underWay--;
        this.#ports.failed(failure);
      },
      onOver: () => void this.#underWay--,
    };
  }

  #skip(): void {
    this.#skipped++;
  }
}

/** What was kept, as a body: as fast as it is taken. */
class ChunksSource implements BodySource {
  readonly length: number;
  readonly #chunks: readonly Uint8Array[];
  readonly #trailers: HeaderList | undefined;
  #at = 0;

  constructor(chunks: readonly Uint8Array[], trailers: HeaderList | undefined) {
    this.#chunks = chunks;
    this.#trailers = trailers;
    this.length = chunks.reduce((total, chunk) => total + chunk.byteLength, 0);
  }

  start(sink: BodySink): void {
    sink.onReady = () => this.#flow(sink);
    this.#flow(sink);
  }

  cancel(): void {}

  #flow(sink: BodySink): void {
    while (this.#at < this.#chunks.length) if (!sink.write(this.#chunks[this.#at++]!)) return;
    sink.end(this.#trailers);
  }
}
