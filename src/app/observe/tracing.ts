/** Whether this process records traces, which share of them, and where they go: from flags and OpenTelemetry's variables to a tracer. */
import { hostname } from "node:os";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { NO_TRACER, type Tracer } from "../../base/trace.ts";
import { createTracer } from "../../base/tracer.ts";
import type { OtlpCounts } from "../../wire/otlp/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";

/** As typed, or as the environment has it. */
export interface TracingWords {
  /** `http://127.0.0.1:4318`; without one nothing is recorded. */
  readonly endpoint?: string | undefined;
  /** The whole address, where it is not the usual path below the endpoint. */
  readonly url?: string | undefined;
  /** 0 to 1. */
  readonly ratio?: string | undefined;
  /** `name=value,…`, sent with each request. */
  readonly headers?: string | undefined;
}

export interface TracingParts {
  /** Of the node, or what is run. */
  readonly name: string;
  readonly version: string;
  readonly warn: (text: string) => void;
}

export interface Tracing {
  readonly tracer: Tracer;
  counts(): OtlpCounts | undefined;
  /** Sends what is left. */
  close(): Promise<void>;
}

export const NO_TRACING: Tracing = { tracer: NO_TRACER, counts: () => undefined, close: async () => {} };

/** One trace in a hundred: measured to cost less than can be measured, and enough to see where time goes. */
const RATIO_DEFAULT = "0.01";
const HEADERS_MAX = 16;

/** What is not typed is taken from the environment, by the names that OpenTelemetry has given. */
export function tracingWords(typed: TracingWords, env: NodeJS.ProcessEnv = process.env): TracingWords {
  return {
    endpoint: typed.endpoint ?? env.OTEL_EXPORTER_OTLP_ENDPOINT,
    url: typed.endpoint === undefined ? env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT : undefined,
    ratio: typed.ratio ?? env.OTEL_TRACES_SAMPLER_ARG,
    headers: typed.headers ?? env.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? env.OTEL_EXPORTER_OTLP_HEADERS,
  };
}

/** Fails with `usage.tracing` or `otlp.endpoint`. */
export async function openTracing(words: TracingWords, { name, version, warn }: TracingParts): Promise<Tracing> {
  const { headers, ratio = RATIO_DEFAULT, url } = words;
  const endpoint = url || words.endpoint;
  const share = readRatio(ratio);
  if (endpoint === undefined || endpoint === "") return NO_TRACING;
  const { OtlpExporter } = await import("../../wire/otlp/index.ts"); // most processes record nothing
  const exporter = new OtlpExporter({
    endpoint,
    isWholeUrl: Boolean(url),
    headers: readHeaders(headers),
    resource: {
      "service.name": "distributed_system",
      "service.version": version,
      "service.instance.id": name,
      "host.name": hostname(),
      "process.pid": process.pid,
    },
    clock: systemClock,
    warn,
  });
  const tracer = createTracer({ clock: systemClock, entropy: systemEntropy, ratio: share, sink: exporter.export });
  return { tracer, counts: () => exporter.counts(), close: () => exporter.close() };
}

function readRatio(text: string): number {
  const ratio = Number(text);
  if (text.trim() !== "" && ratio >= 0 && ratio <= 1) return ratio;
  throw new Failure("usage.tracing", `--trace-ratio is ${JSON.stringify(text)}; a number from 0 to 1 is required`);
}

/** Values may be percent-encoded, as OpenTelemetry says. What they are is not told: they are secrets. */
function readHeaders(text = ""): Readonly<Record<string, string>> {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  const refuse = (what: string): never => {
    throw new Failure("usage.tracing", `OTEL_EXPORTER_OTLP_HEADERS ${what}; NAME=VALUE,… is required`);
  };
  if (pairs.length > HEADERS_MAX) refuse(`has ${pairs.length} headers, at most ${HEADERS_MAX} are allowed`);
  return Object.fromEntries(
    pairs.map((pair, at) => {
      const [, name, value] = /^\s*([A-Za-z0-9-]+)\s*=\s*([\x21-\x7e]+)\s*$/.exec(pair) ?? [];
      if (name === undefined || value === undefined) return refuse(`: the pair ${at + 1} is none`);
      return [name.toLowerCase(), decoded(value) ?? refuse(`: the value of ${name} is not percent-encoded`)];
    }),
  );
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
