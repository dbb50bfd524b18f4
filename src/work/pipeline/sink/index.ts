/** Sinks: records to files, standard output and SQLite, each once however often the run is killed. */

export type { SinkEnvironment, SinkKind } from "./create.ts";
export { createSink, isSinkKind, sinkSchemas } from "./create.ts";
export { inferSink } from "./infer.ts";
export { endOfNdjson } from "./ndjson-sink.ts";
export type { Sink, SinkPosition } from "./sink.ts";
export type { ByteStream } from "./stdout-target.ts";
