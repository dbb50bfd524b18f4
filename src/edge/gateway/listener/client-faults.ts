/** What goes wrong with clients, as failures; and the short replies that the listener itself gives, always the last on their connection. */
import { Failure, messageOf } from "../../../base/errors.ts";
import { type HeadWriter, reasonOf } from "../../../wire/http/index.ts";

export function clientGone(): Failure {
  return new Failure("gateway.client_gone", "the client closed the connection");
}

export function clientSlow(what: string, afterMs: number): Failure {
  return new Failure("gateway.client_slow", `the client was too slow: ${what} within ${afterMs} ms is required`);
}

/** What one of our own parts has thrown, and nobody took. */
export function defect(thrown: unknown): Failure {
  return new Failure("gateway.defect", `serving a client: a part of the gateway has failed: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}

/** Nothing of what the client has sent is in it. */
export function refusalBytes(writer: HeadWriter, status: number, code: string, date: string): Uint8Array {
  const body = Buffer.from(JSON.stringify({ type: "about:blank", title: reasonOf(status), status, code }));
  const headers = ["content-type", "application/problem+json", "cache-control", "no-store"];
  const head = writer.reply(status, headers, { length: body.byteLength, connection: "close", date });
  return Buffer.concat([head, body]);
}
