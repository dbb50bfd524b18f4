/** The handshakes of WebSocket, both sides (RFC 6455, 4; RFC 8441), and the words of its ends. */
import { Failure } from "../../../base/errors.ts";
import {
  type HeaderList,
  headerOf,
  headersOf,
  isToken,
  type RawStream,
  type ReplyHead,
  type RequestHead,
} from "../../../wire/http/index.ts";
import {
  acceptOf,
  CLOSE,
  isKey,
  WebSocketConnection,
  type WebSocketHandler,
  type WebSocketOptions,
} from "../../../wire/websocket/index.ts";
import type { Exchange } from "../words/index.ts";
import { SocketLife, type SocketTerms } from "./socket-life.ts";
import type { ConvertPorts } from "./words.ts";

const KEY_BYTES = 16;
const MASK_BYTES = 4;

/** What is wrong with the client's handshake (`gateway.convert_websocket`), undefined when nothing is. */
export function handshakeFault(request: RequestHead): Failure | undefined {
  const fault = faultOf(request);
  return fault === undefined ? undefined : new Failure("gateway.convert_websocket", fault);
}

function faultOf(request: RequestHead): string | undefined {
  const version = headerOf(request.headers, "sec-websocket-version");
  if (version !== "13") return `sec-websocket-version is ${version ?? "missing"}; 13 is required`;
  if (request.version === "2") return undefined;
  const key = headerOf(request.headers, "sec-websocket-key");
  return key !== undefined && isKey(key) ? undefined : "sec-websocket-key is no key; 16 bytes in base64 are required";
}

export function refuseHandshake(exchange: Exchange, fault: Failure): void {
  exchange.body.cancel(fault);
  const body = new TextEncoder().encode(
    JSON.stringify({ error: { code: 3, status: "INVALID_ARGUMENT", message: fault.message } }),
  );
  exchange.send({ status: 400, headers: ["content-type", "application/json", "sec-websocket-version", "13"] }, body);
}

/** A socket, and the handler that comes later: what arrives before is kept for it, so that nobody is called half made. */
export interface OpenedSocket {
  readonly socket: WebSocketConnection;
  begin(handler: WebSocketHandler): void;
}

/** Takes the client's connection over. */
export function acceptSocket(exchange: Exchange, terms: SocketTerms, subprotocol?: string): OpenedSocket {
  const headers: HeaderList = [];
  const key = headerOf(exchange.request.headers, "sec-websocket-key");
  if (key !== undefined) headers.push("sec-websocket-accept", acceptOf(key));
  if (subprotocol !== undefined) headers.push("sec-websocket-protocol", subprotocol);
  return opened(exchange.upgrade(headers), terms, { side: "server" });
}

/**
 * The subprotocol that the client named first. Where the gateway itself is the other end it speaks any of them, for what it says does not
 * depend on it, and browsers give a socket up whose offer is not answered.
 */
export function firstOffered({ headers }: RequestHead): string | undefined {
  const first = headersOf(headers, "sec-websocket-protocol")[0]?.split(",", 1)[0]?.trim();
  return first !== undefined && isToken(first) ? first : undefined;
}

function opened(stream: RawStream, terms: SocketTerms, side: Omit<WebSocketOptions, "messageBytesMax">): OpenedSocket {
  const early: (() => void)[] = [];
  let handler: WebSocketHandler | undefined;
  const tell = (event: () => void): void => {
    if (handler === undefined) early.push(event);
    else event();
  };
  const life = new SocketLife(terms);
  const socket = new WebSocketConnection(
    stream,
    {
      onMessage: (data, isText) => tell(() => handler!.onMessage(data, isText)),
      onReady: () => tell(() => handler!.onReady()),
      onClosing: () => life.closing(),
      onGone: () => life.gone(),
      onClose: (code, reason, isClean) => {
        life.closing();
        tell(() => handler!.onClose(code, reason, isClean));
      },
    },
    { ...side, messageBytesMax: terms.messageBytesMax },
  );
  life.watch(socket);
  const begin = (later: WebSocketHandler): void => {
    handler = later;
    for (const event of early.splice(0)) event();
  };
  return { socket, begin };
}

/** The head that asks an upstream for a socket; `key` is checked against the answer. */
export function socketHead(
  head: RequestHead,
  headers: HeaderList,
  ports: Pick<ConvertPorts, "randomBytes">,
): { head: RequestHead; key: string } {
  const key = Buffer.from(ports.randomBytes(KEY_BYTES)).toString("base64");
  const own = [...headers, "sec-websocket-version", "13", "sec-websocket-key", key];
  return { head: { ...head, method: "GET", headers: own, protocol: "websocket" }, key };
}

/** An upstream that agrees without having read the key speaks something else (HTTP/1.1 only: with HTTP/2 there is no key). */
export function upgradeFault(head: ReplyHead, key: string): Failure | undefined {
  if (head.status !== 101 || headerOf(head.headers, "sec-websocket-accept") === acceptOf(key)) return undefined;
  return new Failure(
    "gateway.upstream_protocol",
    "upgrading to WebSocket failed: sec-websocket-accept does not fit; that of the key is required",
  );
}

export function openSocket(
  stream: RawStream,
  terms: SocketTerms,
  ports: Pick<ConvertPorts, "randomBytes">,
): OpenedSocket {
  return opened(stream, terms, { side: "client", mask: () => ports.randomBytes(MASK_BYTES) });
}

/** Of a status of gRPC: 1000 for OK, else 4000 and the code, so that clients can tell them apart. */
export function closeCodeOf(statusCode: number): number {
  return statusCode === 0 ? CLOSE.normal : 4000 + statusCode;
}
