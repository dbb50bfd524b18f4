/**
 * The handshake of a WebSocket over HTTP/1.1 (RFC 6455, section 4): a client of HTTP/2 has sent no key, so we make one; and an upstream that
 * does not answer the key has not understood, whatever its status says.
 */
import type { Random } from "../../../base/random.ts";
import { headerOf, type ReplyHead, type RequestHead, withoutHeader } from "../../../wire/http/index.ts";
import { acceptOf } from "../../../wire/websocket/index.ts";

const KEY = "sec-websocket-key";
const ACCEPT = "sec-websocket-accept";
const VERSION = "sec-websocket-version";
const KEY_BYTES = 16;

/** What an HTTP/1.1 upstream is asked with. The key proves that a WebSocket is understood; it is no secret. */
export function withKey(head: RequestHead, random: Random): RequestHead {
  if (head.protocol !== "websocket" || headerOf(head.headers, KEY) !== undefined) return head;
  const key = Buffer.from(Uint8Array.from({ length: KEY_BYTES }, () => random.below(256))).toString("base64");
  const version = headerOf(head.headers, VERSION) === undefined ? [VERSION, "13"] : [];
  return { ...head, headers: [...head.headers, ...version, KEY, key] };
}

/** The reply as who asked gets it, without an answer to a key that is not theirs; undefined: it does not fit the key that was sent. */
export function accepted(asked: RequestHead, sent: RequestHead, reply: ReplyHead): ReplyHead | undefined {
  if (sent.protocol !== "websocket") return reply;
  const key = headerOf(sent.headers, KEY) ?? "";
  if (headerOf(reply.headers, ACCEPT) !== acceptOf(key)) return undefined;
  return asked === sent ? reply : { ...reply, headers: withoutHeader(reply.headers, ACCEPT) };
}
