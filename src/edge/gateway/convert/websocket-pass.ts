/**
 * WebSocket to WebSocket: messages pass, frames do not. Each side's rules are checked by itself, so that nothing malformed reaches the other;
 * a close goes through with its code and reason.
 */
import { Failure } from "../../../base/errors.ts";
import { type HeaderList, headerOf, type RawStream, type ReplyHead } from "../../../wire/http/index.ts";
import { CLOSE, type WebSocketConnection, type WebSocketHandler } from "../../../wire/websocket/index.ts";
import type { Exchange, UpstreamCall } from "../words/index.ts";
import { carriedFields } from "./metadata.ts";
import type { SocketTerms } from "./socket-life.ts";
import {
  acceptSocket,
  handshakeFault,
  openSocket,
  refuseHandshake,
  socketHead,
  upgradeFault,
} from "./websocket-words.ts";
import type { ConvertAsk, ConvertMatch, ConvertPorts, OnOver } from "./words.ts";

export interface SocketPassWays {
  readonly terms: SocketTerms;
  readonly ports: Pick<ConvertPorts, "randomBytes">;
  readonly onOver: OnOver;
}

export function passSocket(exchange: Exchange, match: ConvertMatch, ask: ConvertAsk, ways: SocketPassWays): void {
  const fault = handshakeFault(exchange.request);
  if (fault !== undefined) {
    ways.onOver(true, fault);
    return refuseHandshake(exchange, fault);
  }
  const headers: HeaderList = carriedFields(match.head.headers);
  const offered = headerOf(match.head.headers, "sec-websocket-protocol");
  if (offered !== undefined) headers.push("sec-websocket-protocol", offered);
  const { head, key } = socketHead(match.head, headers, ways.ports);
  let call: UpstreamCall | undefined;
  let isOver = false;
  const over = (isFailed: boolean): boolean => {
    if (isOver) return false;
    isOver = true;
    ways.onOver(isFailed);
    return true;
  };
  exchange.onGone = (cause) => {
    if (over(true)) call?.cancel(cause);
  };
  call = ask(
    { head },
    {
      // It does not want a socket: the client gets to see what it wants instead.
      onReply: (reply, body) => {
        if (over(true)) body.start(exchange.respond(reply, body.length));
        else body.cancel(new Failure("gateway.client_gone", "the client went"));
      },
      onUpgrade: (reply, stream) => {
        const broken = upgradeFault(reply, key);
        if (broken === undefined && !isOver) return join(exchange, reply, stream, ways, over);
        stream.sink.abort(broken ?? new Failure("gateway.client_gone", "the client went"));
        if (broken !== undefined && over(true)) match.refuse(broken);
      },
      onFailure: (failure) => {
        if (over(true)) match.refuse(failure);
      },
    },
  );
}

function join(
  exchange: Exchange,
  reply: ReplyHead,
  stream: RawStream,
  ways: SocketPassWays,
  over: (isFailed: boolean) => boolean,
): void {
  const client = acceptSocket(exchange, ways.terms, headerOf(reply.headers, "sec-websocket-protocol"));
  const upstream = openSocket(stream, ways.terms, ways.ports);
  client.begin(passing(client.socket, upstream.socket, CLOSE.goingAway, over));
  upstream.begin(passing(upstream.socket, client.socket, CLOSE.badGateway, over));
}

function passing(
  from: WebSocketConnection,
  to: WebSocketConnection,
  lostCode: number,
  over: (isFailed: boolean) => boolean,
): WebSocketHandler {
  return {
    onMessage: (data, isText) => {
      if (!to.send(data, isText)) from.pause();
    },
    // There is room at its end: the other may go on.
    onReady: () => to.resume(),
    onClose: (code, reason, isClean) => {
      over(!isClean);
      to.close(isClean ? code : lostCode, isClean ? reason : "the other side is gone");
    },
  };
}
