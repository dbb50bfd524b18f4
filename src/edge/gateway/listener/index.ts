/** Sockets in, exchanges out: HTTP/1, HTTP/2, plain or TLS, on one port. */
export type {
  Http2Opener,
  ListenerFault,
  ListenerSettings,
  SocketPort,
  SocketUser,
  SpeakerContext,
} from "./connection.ts";
export { listenFailure } from "./listen-failure.ts";
export { type Listener, type ListenerCounts, type ListenerOptions, openListener } from "./listener.ts";
export type { TlsMaterial } from "./tls.ts";
