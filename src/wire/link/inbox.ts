/**
 * What comes in: frames to messages to whoever they are for. A frame is read, and each message put to the form of its kind,
 * before anything in it is carried out: a fault is `link.malformed`, and whoever owns the link ends it. A payload that is not
 * taken, though it is known where it ends, fails its own message only.
 */
import { type Failure, textOf } from "../../base/errors.ts";
import { Decoder, malformed, Undecodable } from "../codec/index.ts";
import { BulkInbox } from "./bulk-inbox.ts";
import type { Calls } from "./calls.ts";
import { errorFromWire } from "./failures.ts";
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
import { requireForm } from "./message-parts.ts";
import type { Incoming, ServedRequests } from "./served.ts";
import type { Streams } from "./streams.ts";
import type { LinkHandlers, MessageContext, PeerLink, TopicHandler } from "./types.ts";

type RequestParts = readonly [number, number, string, number, unknown, string | undefined];
type NotifyParts = readonly [number, string, unknown, string | undefined];
type OpenParts = readonly [number, number, string, unknown, string | undefined];

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
      requireForm(message);
      if (message[0] === CHUNK && index !== values.length - 1)
        throw malformed("messages follow the announcement of a chunk");
    }
    for (let index = 0; index < values.length; index++) this.#take(values[index] as Message, sizes[index]!); // has its form
  }

  #takeChunk(frame: Uint8Array): void {
    const arrived = this.#bulk.take(frame);
    if (!arrived) return;
    const { message, at, form, bytes } = arrived;
    const payload = form === FORM_BYTES ? bytes : this.#decodeOrNot(bytes);
    this.#take(message.with(at, payload), bytes.byteLength);
  }

  #decodeOrNot(bytes: Uint8Array): unknown {
    try {
      return this.#decoder.decode(bytes);
    } catch (thrown) {
      return new Undecodable(thrown as Failure); // the decoder throws nothing else
    }
  }

  #take(message: Message, sizeBytes: number): void {
    switch (message[0]) {
      case REQUEST:
        return this.#takeRequest(message, sizeBytes);
      case RESPONSE:
        return this.#takeResponse(idOf(message), message[2]);
      case ERROR:
        return this.#takeError(message);
      case NOTIFY:
        return this.#takeNotify(message, sizeBytes);
      case CANCEL:
        this.#bulk.cancel(idOf(message));
        return this.#ports.served.cancel(idOf(message));
      case BULK: {
        const [, id, totalBytes, form, announced] = message as [number, number, number, number, Message]; // has its form
        return this.#bulk.announce(id, totalBytes, form, announced);
      }
      case CHUNK:
        return this.#bulk.expect(idOf(message), message[2] as number); // has its form
      case BEAT:
        return this.#ports.beat();
      case GOAWAY:
        return this.#ports.goaway();
      default:
        return this.#takeOfStream(message, sizeBytes);
    }
  }

  #takeRequest(message: Message, sizeBytes: number): void {
    const { link, served } = this.#ports;
    const [, id, topic, timeoutMs, payload, traceparent] = message as RequestParts; // has its form
    const incoming: Incoming = { id, topic, timeoutMs, payload, traceparent, sizeBytes };
    served.take(link, this.#handler(topic), incoming, payload instanceof Undecodable ? payload.why : undefined);
  }

  #takeResponse(id: number, payload: unknown): void {
    if (payload instanceof Undecodable) this.#ports.calls.reject(id, payload.why);
    else this.#ports.calls.resolve(id, payload);
  }

  #takeError(message: Message): void {
    const [id, error] = [idOf(message), message[2]];
    const failure = error instanceof Undecodable ? error.why : errorFromWire(error);
    if (!failure) throw malformed(`request ${id} is answered with a failure that is none`);
    this.#ports.calls.reject(id, failure);
  }

  #takeNotify(message: Message, sizeBytes: number): void {
    const [, topic, payload, traceparent] = message as NotifyParts; // has its form
    const context = this.#context(traceparent, sizeBytes);
    this.#ports.used();
    if (payload instanceof Undecodable) return this.#ports.report?.(topic, payload.why);
    try {
      this.#handler(topic)?.notify?.(payload, context);
    } catch (thrown) {
      this.#ports.report?.(topic, thrown);
    }
  }

  #takeOfStream(message: Message, sizeBytes: number): void {
    const id = idOf(message);
    switch (message[0]) {
      case OPEN: {
        const [, , topic, payload, traceparent] = message as OpenParts; // has its form
        if (payload instanceof Undecodable) return this.#ports.streams.refuse(id, payload.why);
        return this.#ports.streams.take(
          id,
          topic,
          payload,
          this.#handler(topic),
          this.#context(traceparent, sizeBytes),
        );
      }
      case DATA:
        return this.#ports.streams.find(id)?.receive(message[2] as Uint8Array); // has its form
      case CREDIT:
        return this.#ports.streams.find(id)?.credit(message[2] as number); // has its form
      case END:
        return this.#ports.streams.find(id)?.peerEnded();
      case ABORT:
        return this.#ports.streams.failed(id, message[2] instanceof Undecodable ? message[2].why : message[2]);
      default:
        throw malformed(`kind ${textOf(message[0])} of a message is not known`);
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

/** Where a message has an id it stands first, and it has its form. */
function idOf(message: Message): number {
  return message[1] as number;
}
