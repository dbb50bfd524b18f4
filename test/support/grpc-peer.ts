/** A real gRPC server and client (grpc-js) of one small service with every kind of method; the server counts what it sees. */
import {
  type Client,
  compressionAlgorithms,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type Metadata,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export const ECHO_PROTO = `syntax = "proto3";
package echo.v1;
message Words { string text = 1; int32 count = 2; }
service Echo {
  rpc Say(Words) returns (Words);
  rpc Down(Words) returns (stream Words);
  rpc Up(stream Words) returns (Words);
  rpc Both(stream Words) returns (stream Words);
  rpc Fail(Words) returns (Words);
  rpc Hang(Words) returns (Words);
  rpc Repeat(Words) returns (Words);
}
`;

export interface Words {
  readonly text: string;
  readonly count: number;
}

interface Call {
  readonly request: Words;
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  sendMetadata(metadata: Metadata): void;
  write(words: Partial<Words>): void;
  end(trailers?: Metadata): void;
  on(event: string, listener: (words: Words) => void): void;
}
type Answer = (error: object | null, words?: Partial<Words>, trailers?: Metadata) => void;

export interface GrpcPeer extends AsyncDisposable {
  readonly port: number;
  readonly definition: ServiceDefinition;
  readonly counts: {
    calls: number;
    /** That wait at `Hang` now: nobody has cancelled them yet. */
    hanging: number;
  };
  /** Milliseconds that the last call had, as its deadline said. */
  lastDeadlineMs: number;
  /** With certificates to believe: over TLS. */
  client(address: string, ca?: string): EchoClient;
}

/** As grpc-js makes it out of the .proto. */
export interface EchoClient extends Client {
  // biome-ignore lint/suspicious/noExplicitAny: grpc-js makes these at run time, with as many shapes as it has kinds of calls
  readonly [method: string]: any;
}

export async function openGrpcPeer(protoFile: string, port = 0): Promise<GrpcPeer> {
  const loaded = loadPackageDefinition(loadSync(protoFile, { defaults: true })) as GrpcObject;
  const Echo = ((loaded.echo as GrpcObject).v1 as GrpcObject).Echo as ServiceClientConstructor;
  const server = new Server({ "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
  const counts = { calls: 0, hanging: 0 };
  const peer = { lastDeadlineMs: 0 };
  const seen = (call: Call): void => {
    counts.calls++;
    peer.lastDeadlineMs = Number(call.getDeadline()) - Date.now();
  };
  server.addService(Echo.service, methods(counts, seen) as never);
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, found) =>
      error ? reject(error) : resolve(found),
    ),
  );
  return Object.assign(peer, {
    ...{ port: bound, definition: Echo.service, counts },
    client(address: string, ca?: string) {
      const how = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
      return new Echo(address, how) as unknown as EchoClient;
    },
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  });
}

function methods(counts: GrpcPeer["counts"], seen: (call: Call) => void) {
  return {
    Say(call: Call, answer: Answer) {
      seen(call);
      const { metadata, request } = call;
      const first = metadata.clone();
      for (const name of Object.keys(first.getMap())) if (!name.startsWith("x-own")) first.remove(name);
      call.sendMetadata(first);
      const trailers = metadata.clone();
      for (const name of Object.keys(trailers.getMap())) trailers.remove(name);
      trailers.set("x-tail", "end");
      trailers.set("x-tail-bin", Buffer.from([0, 255]));
      answer(null, { text: request.text, count: request.count + 1 }, trailers);
    },
    Down(call: Call) {
      seen(call);
      for (let count = 1; count <= call.request.count; count++) call.write({ text: call.request.text, count });
      call.end();
    },
    Up(call: Call, answer: Answer) {
      seen(call);
      let [text, count] = ["", 0];
      call.on("data", (words) => {
        text += words.text;
        count++;
      });
      call.on("end", () => answer(null, { text, count }));
    },
    Both(call: Call) {
      seen(call);
      call.on("data", (words) => call.write({ text: words.text.toUpperCase(), count: words.count }));
      call.on("end", () => call.end());
    },
    Fail(call: Call, answer: Answer) {
      seen(call);
      answer({ code: status.NOT_FOUND, details: "no such words: ü" });
    },
    /** Packed, where the client takes that. */
    Repeat(call: Call, answer: Answer) {
      seen(call);
      const { count, text } = call.request;
      answer(null, { text: text.repeat(count) });
    },
    Hang(call: Call) {
      seen(call);
      counts.hanging++;
      call.on("cancelled", () => void counts.hanging--);
    },
  };
}
