/**
 * gRPC-web: gRPC's frames in an HTTP body, with the trailers as a last frame; `-text` is that in base64, where each piece may be padded on
 * its own (gRPC-web protocol, "Base64").
 */
import { Failure } from "../../base/errors.ts";
import { frameMessage } from "./grpc-frame.ts";

const TRAILERS_FLAG = 0x80;

export function trailersFrame(trailers: readonly string[]): Uint8Array {
  let text = "";
  for (let at = 0; at < trailers.length; at += 2) text += `${trailers[at]}: ${trailers[at + 1]}\r\n`;
  return frameMessage(Buffer.from(text, "latin1"), TRAILERS_FLAG);
}

const GROUP = 4;
const FOREIGN = /[^A-Za-z0-9+/=]/;

/** Base64 that comes in pieces of any size, padded wherever the sender had to. Fails with `grpc.web_base64`. */
export class Base64Reader {
  #left = "";

  read(chunk: Uint8Array): Uint8Array {
    const text =
      this.#left +
      Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        .toString("latin1")
        .replace(/[\r\n]/g, "");
    if (FOREIGN.test(text))
      throw new Failure(
        "grpc.web_base64",
        "reading base64 failed: there are other characters in it; base64 is required",
      );
    const whole = text.length - (text.length % GROUP);
    this.#left = text.slice(whole);
    return decodeGroups(text.slice(0, whole));
  }

  /** Nothing may be left over. */
  end(): void {
    if (this.#left !== "") {
      throw new Failure(
        "grpc.web_base64",
        `reading base64 failed: ${this.#left.length} characters are left over; groups of ${GROUP} are required`,
      );
    }
  }
}

/** Padding ends a piece; the next one begins behind it. */
function decodeGroups(text: string): Uint8Array {
  if (!text.includes("=")) return Buffer.from(text, "base64");
  const pieces = text.match(/[^=]+={0,2}/g) ?? [];
  if (pieces.some((piece) => piece.length % GROUP !== 0) || pieces.join("") !== text) {
    throw new Failure(
      "grpc.web_base64",
      "reading base64 failed: padding stands where none belongs; groups of 4 are required",
    );
  }
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64")));
}

/** Each piece on its own, padded: readers have to bear that. */
export function encodeBase64(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"), "latin1");
}
