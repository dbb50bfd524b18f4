/**
 * Commands as entries of the log: a byte for the version, then `[kind, fields, session, sequence, received]`, without the last three
 * for a command of no session. Reading is strict: what comes out is well-formed and within all bounds, whoever wrote the bytes.
 */
import { Failure } from "../../base/errors.ts";
import { Decoder, Encoder } from "../../wire/codec/index.ts";
import { COMMAND_BYTES_MAX, type MarkedCommand } from "../words/index.ts";
import { Fields, malformed } from "./fields.ts";
import { readForm, writeForm } from "./forms.ts";

/** A node that meets a later one refuses the command; so all nodes of a group learn a version before anybody writes it. */
export const COMMAND_VERSION = 1;

/** Fails with `data.too_large`, and with what the encoder refuses. Who encodes many has an encoder of its own: that is faster. */
export function encodeCommand({ mark, command }: MarkedCommand, encoder = new Encoder()): Uint8Array {
  const parts: unknown[] = writeForm(command);
  if (mark !== undefined) parts.push(mark.session, mark.sequence, mark.received);
  const body = encoder.encode(parts);
  if (body.length >= COMMAND_BYTES_MAX) {
    const what = `encoding ${command.type}: it takes ${body.length + 1} bytes, at most ${COMMAND_BYTES_MAX} are taken`;
    throw new Failure("data.too_large", what);
  }
  const data = new Uint8Array(body.length + 1);
  data[0] = COMMAND_VERSION;
  data.set(body, 1);
  return data;
}

/** Fails with `data.malformed`, whatever the bytes are, and with nothing else. */
export function decodeCommand(data: Uint8Array, decoder = new Decoder()): MarkedCommand {
  if (data.length > COMMAND_BYTES_MAX) throw malformed("a command", data, `at most ${COMMAND_BYTES_MAX} bytes`);
  if (data[0] !== COMMAND_VERSION) throw malformed("a command: version", data[0], `version ${COMMAND_VERSION}`);
  const fields = new Fields("a command", decoded(data.subarray(1), decoder));
  const command = readForm(fields);
  const session = fields.optionalName("session");
  if (session === undefined) {
    fields.end();
    return { command };
  }
  const sequence = fields.whole("sequence", 1);
  const mark = { session, sequence, received: fields.whole("received", 0, sequence - 1) };
  fields.end();
  return { mark, command };
}

function decoded(bytes: Uint8Array, decoder: Decoder): unknown {
  try {
    return decoder.decode(bytes);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    throw new Failure("data.malformed", `reading a command: ${thrown.message}`);
  }
}
