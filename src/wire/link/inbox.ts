/**
 * What comes in: frames to messages to whoever they are for. A frame is read as a whole before anything in it is carried out;
 * what does not have the form of its kind is `link.malformed`, and whoever owns the link ends it.
 */
import { BulkInbox } from "./bulk-inbox.ts";
import type { Calls } from "./calls.ts";
import { Decoder } from "./decoder.ts";
import { errorFromWire, malformed } from "./failures.ts";
import {
  ABORT,
  BEAT,
  BULK,
  CANCEL,
  CHUNK,
  CREDIT,
  DATA,
  END,
  ERROR,
  FORM_BYTES,
  GOAWAY,
  type Message,
  NOTIFY,
  OPEN,
  REQUEST,
  RESPONSE,
} from "./message.ts";
import { topicAt, traceAt, whole } from "./message-parts.ts";
import type { ServedRequests } from "./served.ts";
import type { Streams } from "./streams.ts";
import type { LinkHandlers, MessageContext, PeerLink, TopicHandler } from "./types.ts";

export interface InboxPorts {
  readonly link: PeerLink;
  readonly payloadBytesMax: number;
  readonly handlers: LinkHandlers;
  readonly calls: Calls;
  readonly served: ServedRequests;
  readonly streams: Streams;
  readonly report: ((what: string, thrown: unknown) => void) | undefined;
  /** Somebody has used the link. */
  readonly used: () => void;
  readonly beat: () => void;
  readonly goaway: () => void;
}

export class Inbox {
  readonly #ports: InboxPorts;
  readonly #decoder = new Decoder();
  readonly #bulk: BulkInbox;

  constructor(ports: InboxPorts) {
    this.#ports = ports;
    this.#bulk = new BulkInbox(ports.payloadBytesMax);
  }

  /** Throws `link.malformed`. */
  take(frame: Uint8Array): void {
    if (this.#bulk.expectsChunk) this.#takeChunk(frame);
    else this.#takeFrame(frame);
  }

  #takeFrame(frame: Uint8Array): void {
    const { values, sizes } = this.#decoder.decodeFrame(frame);
    for (let index = 0; index < values.length; index++) {
      const message = values[index];
      if (!Array.isArray(message)) throw malformed("a message is no array");
      if (message[0] === CHUNK && index !== values.length - 1)
        throw malformed("messages follow the announcement of a chunk");
      this.#take(message, sizes[index]!);
    }
  }

  #takeChunk(frame: Uint8Array): void {
    const arrived = this.#bulk.take(frame);
    if (!arrived) return;
    const { message, at, form, bytes } = arrived;
    const payload = form === FORM_BYTES ? bytes : this.#decoder.decode(bytes);
    this.#take(message.with(at, payload), bytes.byteLength);
  }

  #take(message: Message, sizeBytes: number): void {
    switch (message[0]) {
      case REQUEST:
        return this.#takeRequest(message, sizeBytes);
      case RESPONSE:
        return this.#ports.calls.resolve(whole(message, 1), message[2]);
      case ERROR:
        return this.#takeError(message);
      case NOTIFY:
        return this.#takeNotify(message, sizeBytes);
      case CANCEL:
        return this.#ports.served.cancel(whole(message, 1));
      case BULK:
        return this.#bulk.announce(whole(message, 1), whole(message, 2), whole(message, 3), message[4]);
      case CHUNK:
        return this.#bulk.expect(whole(message, 1), whole(message, 2));
      case BEAT:
        return this.#ports.beat();
      case GOAWAY:
        return this.#ports.goaway();
      default:
        return this.#takeOfStream(message, sizeBytes);
    }
  }

  #takeRequest(message: Message, sizeBytes: number): void {
    const topic = topicAt(message, 2);
    const [id, timeoutMs, traceparent] = [whole(message, 1), whole(message, 3), traceAt(message, 5)];
    const handler = this.#handler(topic);
    this.#ports.served.take(this.#ports.link, handler, {
      id,
      topic,
      timeoutMs,
      payload: message[4],
      traceparent,
      sizeBytes,
    });
  }

  #takeError(message: Message): void {
    const id = whole(message, 1);
    const failure = errorFromWire(message[2]);
    if (!failure) throw malformed(`request ${id} is answered with a failure that is none`);
    this.#ports.calls.reject(id, failure);
  }

  #takeNotify(message: Message, sizeBytes: number): void {
    const topic = topicAt(message, 1);
    const context = this.#context(traceAt(message, 3), sizeBytes);
    this.#ports.used();
    try {
      this.#handler(topic)?.notify?.(message[2], context);
    } catch (thrown) {
      this.#ports.report?.(topic, thrown);
    }
  }

  #takeOfStream(message: Message, sizeBytes: number): void {
    const id = whole(message, 1);
    switch (message[0]) {
      case OPEN: {
        const topic = topicAt(message, 2);
        const context = this.#context(traceAt(message, 4), sizeBytes);
        return this.#ports.streams.take(id, topic, message[3], this.#handler(topic), context);
      }
      case DATA: {
        const bytes = message[2];
        if (!(bytes instanceof Uint8Array)) throw malformed(`stream ${id} brings no bytes`);
        return this.#ports.streams.find(id)?.receive(bytes);
      }
      case CREDIT:
        return this.#ports.streams.find(id)?.credit(whole(message, 2));
      case END:
        return this.#ports.streams.find(id)?.peerEnded();
      case ABORT:
        return this.#ports.streams.failed(id, message[2]);
      default:
        throw malformed(`kind ${String(message[0])} of a message is not known`);
    }
  }

  /** Topics come from outside and must not find what every object has. */
  #handler(topic: string): TopicHandler | undefined {
    const { handlers } = this.#ports;
    return Object.hasOwn(handlers, topic) ? handlers[topic] : undefined;
  }

  #context(traceparent: string | undefined, sizeBytes: number): MessageContext {
    const { link } = this.#ports;
    return { link, peer: link.peer, traceparent, sizeBytes };
  }
}
