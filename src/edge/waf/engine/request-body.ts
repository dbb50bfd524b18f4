/**
 * A request's body, whole, made into variables: inflated, then read as what its content type or a rule says it is. What cannot be read is
 * told to the rules (`REQBODY_ERROR`), which refuse it by default; what is too large is refused here.
 */
import type { InTurns } from "../../../base/turns.ts";
import { type Bytes, bytesOfBuffer } from "../match/index.ts";
import { type Inflated, inflate, inflateLater } from "./body/inflate.ts";
import { readJson } from "./body/json.ts";
import { MULTIPART_VARIABLES, readMultipart } from "./body/multipart.ts";
import type { ArgumentSink, BodyFault } from "./body/sink.ts";
import { readUrlencoded } from "./body/urlencoded.ts";
import { readXml } from "./body/xml.ts";
import type { Variables } from "./variables.ts";

export interface BodyLimits {
  readonly bytesMax: number;
  /** Without files; undefined: no other bound than that of all bytes. */
  readonly bytesWithoutFilesMax?: number | undefined;
  readonly inflatedBytesMax: number;
  readonly inflateRatioMax: number;
  readonly jsonDepthMax: number;
  readonly separator: string;
}

export interface BodyRefusal {
  readonly status: 400 | 413;
  readonly reason: "waf.body_size" | "waf.body_inflated" | "waf.body_encoding" | "waf.arguments";
  readonly message: string;
}

/** A body's bytes as they are to be looked at, or why it is refused. */
export type OpenedBody = Uint8Array | BodyRefusal;

export function openBody(bytes: Uint8Array, encoding: string, limits: BodyLimits): OpenedBody {
  if (bytes.length > limits.bytesMax) return tooLarge(bytes.length, limits.bytesMax);
  if (encoding === "" || bytes.length === 0) return bytes;
  const inflated = inflate(bytes, encoding, limits.inflatedBytesMax, limits.inflateRatioMax);
  return openedOf(inflated, bytes.length, limits);
}

/** The same, of one that is coded and not too long, in another thread. `done` is called once, perhaps at once. */
export function openBodyLater(
  bytes: Uint8Array,
  encoding: string,
  limits: BodyLimits,
  done: (opened: OpenedBody) => void,
): void {
  inflateLater(bytes, encoding, limits.inflatedBytesMax, limits.inflateRatioMax, (inflated) =>
    done(openedOf(inflated, bytes.length, limits)),
  );
}

function openedOf(inflated: Inflated, sent: number, limits: BodyLimits): OpenedBody {
  if (inflated.kind === "bytes") return inflated.bytes;
  if (inflated.kind === "unreadable")
    return {
      status: 400,
      reason: "waf.body_encoding",
      message: `inflating a body: ${inflated.what}; gzip, deflate or br is required`,
    };
  return {
    status: 413,
    reason: "waf.body_inflated",
    message: `inflating a body of ${sent} bytes: more than ${limits.inflatedBytesMax} bytes or ${limits.inflateRatioMax} times its size; at most that is allowed`,
  };
}

export function tooLarge(bytes: number, bytesMax: number): BodyRefusal {
  return {
    status: 413,
    reason: "waf.body_size",
    message: `looking into a body of ${bytes} bytes: at most ${bytesMax} are allowed`,
  };
}

export function* fillBody(
  bytes: Uint8Array,
  contentType: Bytes,
  variables: Variables,
  sink: ArgumentSink,
  limits: BodyLimits,
): InTurns<void> {
  const text = bytesOfBuffer(bytes);
  const unreadable = yield* readBody(bytes, text, contentType, variables, sink, limits);
  const fault = unreadable ?? tooLargeWithoutFiles(bytes.length, variables, limits);
  variables.setSingle("REQBODY_ERROR", fault === undefined ? "0" : "1");
  variables.setSingle("REQBODY_PROCESSOR_ERROR", fault === undefined ? "0" : "1");
  variables.setSingle("REQBODY_ERROR_MSG", fault ?? "");
  variables.setSingle("REQBODY_PROCESSOR_ERROR_MSG", fault ?? "");
  if (sink.count > 0) variables.setSingle("ARGS_COMBINED_SIZE", String(sink.combinedBytes));
  if (bytes.length === 0) return;
  variables.setSingle("REQUEST_BODY", text);
  variables.setSingle("REQUEST_BODY_LENGTH", String(bytes.length));
}

/** As in ModSecurity it is told to the rules, like a body that cannot be read. */
function tooLargeWithoutFiles(bytes: number, variables: Variables, { bytesWithoutFilesMax }: BodyLimits): BodyFault {
  if (bytesWithoutFilesMax === undefined) return undefined;
  const rest = bytes - Number(variables.single("FILES_COMBINED_SIZE"));
  if (rest <= bytesWithoutFilesMax) return undefined;
  variables.setSingle("INBOUND_DATA_ERROR", "1");
  return `${rest} bytes beside its files: at most ${bytesWithoutFilesMax} are allowed (SecRequestBodyNoFilesLimit)`;
}

function* readBody(
  bytes: Uint8Array,
  text: Bytes,
  contentType: Bytes,
  variables: Variables,
  sink: ArgumentSink,
  limits: BodyLimits,
): InTurns<BodyFault> {
  const processor = variables.single("REQBODY_PROCESSOR");
  if (processor !== "MULTIPART") for (const name of MULTIPART_VARIABLES) variables.setSingle(name, "");
  switch (processor) {
    case "URLENCODED":
      if (!(yield* readUrlencoded(text, "POST", limits.separator, sink))) variables.setSingle("URLENCODED_ERROR", "1");
      return undefined;
    case "MULTIPART":
      return yield* readMultipart(text, contentType, variables, sink);
    case "JSON":
      return yield* readJson(bytes, text, limits.jsonDepthMax, sink);
    case "XML":
      return yield* fillXml(bytes, variables);
    default:
      return undefined;
  }
}

function* fillXml(bytes: Uint8Array, variables: Variables): InTurns<BodyFault> {
  if (bytes.length === 0) return undefined;
  const content = yield* readXml(bytes);
  variables.add("XML", "/*", content.text);
  for (const value of content.attributes) variables.add("XML", "//@*", value);
  return content.fault;
}
