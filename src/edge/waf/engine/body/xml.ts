/**
 * XML as the two things that rules ask for: all text (`XML:/*`) and each attribute's value (`XML://@*`). No document type, so no entities but the
 * five that XML has by itself: with them go entity bombs and external files. Bounded in depth and number of nodes.
 */
import { SaxesParser } from "saxes";
import type { InTurns } from "../../../../base/turns.ts";
import { type Bytes, bytesOfText } from "../../match/index.ts";
import { XML_DEPTH_MAX, XML_NODES_MAX } from "../limits.ts";
import type { BodyFault } from "./sink.ts";

export interface XmlContent {
  readonly text: Bytes;
  readonly attributes: readonly Bytes[];
  readonly fault: BodyFault;
}

/** Read in one go: some tenths of a millisecond. */
const PIECE_CHARACTERS = 8_192;

/** Stops the parser at the first fault. */
class XmlFault extends Error {}

export function* readXml(bytes: Uint8Array): InTurns<XmlContent> {
  const text: string[] = [];
  const attributes: string[] = [];
  try {
    const source = decode(bytes);
    yield* parse(source, text, attributes);
    return { text: bytesOfText(text.join("")), attributes: attributes.map(bytesOfText), fault: undefined };
  } catch (thrown) {
    if (!(thrown instanceof XmlFault)) throw thrown;
    return { text: "", attributes: [], fault: `XML with ${thrown.message}` };
  }
}

function* parse(source: string, text: string[], attributes: string[]): InTurns<void> {
  const parser = new SaxesParser({ xmlns: false, position: false });
  let depth = 0;
  let nodes = 0;
  const count = (): void => {
    nodes += 1;
    if (nodes > XML_NODES_MAX) throw new XmlFault(`more than ${XML_NODES_MAX} nodes`);
  };
  parser.on("error", (error) => {
    throw new XmlFault(`a fault: ${error.message.slice(0, 200)}`);
  });
  parser.on("doctype", () => {
    throw new XmlFault("a document type, which is not allowed");
  });
  parser.on("opentagstart", () => {
    depth += 1;
    count();
    if (depth > XML_DEPTH_MAX) throw new XmlFault(`more than ${XML_DEPTH_MAX} levels`);
  });
  parser.on("attribute", (attribute) => {
    count();
    attributes.push(attribute.value);
  });
  parser.on("closetag", () => {
    depth -= 1;
  });
  parser.on("text", (piece) => void text.push(piece));
  parser.on("cdata", (piece) => void text.push(piece));
  for (let at = 0; at < source.length; at += PIECE_CHARACTERS) {
    parser.write(source.slice(at, at + PIECE_CHARACTERS));
    yield;
  }
  parser.close();
}

const ENCODING = /^<\?xml[^>]{0,100}?encoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._-]{1,40})["']/;

function decode(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const named = ENCODING.exec(buffer.toString("latin1", 0, 200))?.[1]?.toLowerCase() ?? "utf-8";
  if (named === "iso-8859-1" || named === "latin1") return buffer.toString("latin1");
  if (named !== "utf-8" && named !== "us-ascii" && named !== "ascii" && named !== "utf8")
    throw new XmlFault(`the encoding ${named}, which is not supported`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new XmlFault("bytes that are no valid UTF-8");
  }
}
