/** One language of clients into another of upstreams: JSON, gRPC, gRPC-web, WebSocket. */

export { openConverter, RouteConverter } from "./converter.ts";
export { type RootHealth, RootServices, takesGrpc } from "./root-services.ts";
export type {
  ConvertAsk,
  Converter,
  ConvertMatch,
  ConvertPorts,
  ConvertRequest,
  DroppedFrom,
} from "./words.ts";
