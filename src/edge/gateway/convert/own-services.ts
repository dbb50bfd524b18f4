/** What the gateway serves itself where it has the descriptors: reflection of them, and the health of what stands behind. */
import { toFailure } from "../../../base/errors.ts";
import {
  codeOf,
  type DescriptorStore,
  decodeHealthRequest,
  decodeReflectionRequest,
  encodeHealthReply,
  encodeReflectionReply,
  NOT_SERVING,
  type ReflectionReply,
  type ReflectionRequest,
  SERVICE_UNKNOWN,
  SERVING,
} from "../../../wire/protobuf/index.ts";
import type { Exchange } from "../words/index.ts";
import type { FrameSink } from "./frame-sink.ts";
import { GrpcReply, readMessages } from "./grpc-reply.ts";
import { OWN_MESSAGE_BYTES_MAX } from "./limits.ts";
import type { ConvertPorts } from "./words.ts";

export type OwnMethod = "reflection" | "check" | "watch";

const PATHS: readonly (readonly [suffix: string, method: OwnMethod])[] = [
  ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "reflection"],
  ["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "reflection"],
  ["/grpc.health.v1.Health/Check", "check"],
  ["/grpc.health.v1.Health/Watch", "watch"],
];

/** By the end of the path: a route may have a prefix before it. */
export function ownMethodOf(target: string): OwnMethod | undefined {
  return PATHS.find(([suffix]) => target.endsWith(suffix))?.[1];
}

/** What reflection shows of descriptors. */
export type OwnStore = Pick<DescriptorStore, "services" | "message" | "extensionsOf" | "fileBytes" | "fileOf">;

export interface OwnWays extends Pick<ConvertPorts, "health" | "watchHealth"> {
  readonly store: OwnStore;
  onOver(isFailed: boolean): void;
}

export function serveOwn(method: OwnMethod, exchange: Exchange, ways: OwnWays): void {
  if (method === "reflection") return serveReflection(exchange, ways);
  serveHealth(method, exchange, ways);
}

function serveReflection(exchange: Exchange, ways: OwnWays): void {
  const reply = new GrpcReply(exchange);
  let sink: FrameSink | undefined;
  const end = (code: number, message = ""): void => {
    if (reply.isOver) return;
    ways.onOver(code !== 0);
    reply.end({ code, message });
  };
  exchange.onGone = () => {
    if (!reply.isOver) ways.onOver(true);
    reply.stop();
  };
  reply.onReady = () => sink?.resume();
  sink = readMessages(exchange, OWN_MESSAGE_BYTES_MAX, {
    onMessage: (message) => {
      try {
        const asked = decodeReflectionRequest(message);
        return reply.message(encodeReflectionReply(answer(ways.store, asked), message));
      } catch (thrown) {
        end(codeOf("INVALID_ARGUMENT"), toFailure(thrown, "protobuf.binary").message);
        return true;
      }
    },
    onEnd: () => end(0),
    onBroken: ({ code, message }) => end(code, message),
  });
}

function answer(store: OwnStore, asked: ReflectionRequest | undefined): ReflectionReply {
  if (asked === undefined)
    return { kind: "error", code: codeOf("UNIMPLEMENTED"), message: "this question is not known" };
  if (asked.kind === "services") return { kind: "services", names: store.services().map(({ typeName }) => typeName) };
  if (asked.kind === "extension_numbers") {
    if (store.message(asked.name) === undefined) return notFound(asked.name);
    return {
      kind: "extension_numbers",
      name: asked.name,
      numbers: store.extensionsOf(asked.name).map(({ number }) => number),
    };
  }
  const files = store.fileBytes(fileNameOf(store, asked) ?? "");
  return files === undefined ? notFound(asked.name) : { kind: "files", files };
}

function fileNameOf(store: OwnStore, asked: ReflectionRequest): string | undefined {
  if (asked.kind === "file") return asked.name;
  if (asked.kind === "symbol") return store.fileOf(asked.name);
  const number = asked.kind === "extension" ? asked.number : 0;
  return store.extensionsOf(asked.name).find((extension) => extension.number === number)?.file.proto.name;
}

function notFound(name: string): ReflectionReply {
  return { kind: "error", code: codeOf("NOT_FOUND"), message: `${name} is not known` };
}

function serveHealth(method: "check" | "watch", exchange: Exchange, ways: OwnWays): void {
  const reply = new GrpcReply(exchange);
  let stopWatching = (): void => {};
  let asked: string | undefined;
  const end = (code: number, message = ""): void => {
    if (reply.isOver) return;
    stopWatching();
    ways.onOver(code !== 0);
    reply.end({ code, message });
  };
  exchange.onGone = () => {
    stopWatching();
    if (!reply.isOver) ways.onOver(true);
    reply.stop();
  };
  readMessages(exchange, OWN_MESSAGE_BYTES_MAX, {
    onMessage: (message) => {
      try {
        asked = decodeHealthRequest(message);
      } catch (thrown) {
        end(codeOf("INVALID_ARGUMENT"), toFailure(thrown, "protobuf.binary").message);
      }
      return true;
    },
    onEnd: () => {
      if (reply.isOver) return;
      if (asked === undefined) return end(codeOf("INVALID_ARGUMENT"), "the request has no message");
      if (method === "watch") stopWatching = watch(asked, reply, ways);
      else check(asked, reply, ways, end);
    },
    onBroken: ({ code, message }) => end(code, message),
  });
}

function check(service: string, reply: GrpcReply, ways: OwnWays, end: (code: number, message?: string) => void): void {
  const isHealthy = ways.health(service);
  if (isHealthy === undefined) return end(codeOf("NOT_FOUND"), `the service ${service} is not known`);
  reply.message(encodeHealthReply(isHealthy ? SERVING : NOT_SERVING));
  end(0);
}

/** Now, and again whenever it is another. */
function watch(service: string, reply: GrpcReply, ways: OwnWays): () => void {
  let told: number | undefined;
  const tell = (): void => {
    const isHealthy = ways.health(service);
    const status = isHealthy === undefined ? SERVICE_UNKNOWN : isHealthy ? SERVING : NOT_SERVING;
    if (status === told || reply.isOver) return;
    told = status;
    reply.message(encodeHealthReply(status));
  };
  tell();
  return ways.watchHealth(tell);
}
