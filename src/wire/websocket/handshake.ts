/** What may stand in the request of a handshake once only, and in which form (RFC 6455, 4.1 and 11.3). */
import { type HeaderList, headersOf, isToken } from "../http/index.ts";

const ONCE = ["sec-websocket-key", "sec-websocket-version"];

/** What is wrong with a client's fields whatever they are for; undefined: nothing. That the key and the version are good is looked at elsewhere. */
export function handshakeFault(headers: HeaderList): string | undefined {
  for (const name of ONCE) {
    if (headersOf(headers, name).length > 1) return `${name} is there twice; one is required`;
  }
  const offers = headersOf(headers, "sec-websocket-protocol");
  const names = offers.flatMap((offer) => offer.split(","));
  const isList = names.every((name) => isToken(name.trim()));
  return isList ? undefined : "sec-websocket-protocol is no list of names, separated by commas; that is required";
}
