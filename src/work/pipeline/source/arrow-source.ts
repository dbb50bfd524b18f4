/**
 * Arrow IPC, stream or file format, cut at its messages. Each cut is a small stream of its own: the schema, the dictionaries
 * so far, one record batch, the end mark; so a host can decode it knowing nothing else. Only message headers are read here.
 * The file format is read as the stream inside it; of its footer only the schema is needed, which may be nowhere else.
 */
import { Failure } from "../../../base/errors.ts";
import {
  ARROW_END,
  ARROW_FILE_HEAD_BYTES,
  ARROW_FILE_MAGIC,
  ARROW_FILE_TAIL_BYTES,
  ARROW_PREFIX_BYTES,
  type ArrowMessage,
  arrowFooterBytes,
  readArrowMessage,
  readArrowPrefix,
  schemaMessageOf,
} from "../../../wire/format/index.ts";
import { ArrowPreamble } from "./arrow-preamble.ts";
import type { FileSequence } from "./file-sequence.ts";
import type { Input } from "./input.ts";
import type { Cut, ReadLimits, Source, SourcePosition } from "./source.ts";

interface Frame {
  readonly message: ArrowMessage;
  /** Prefix and flatbuffer as they lie in the file. */
  readonly header: Uint8Array;
  readonly bodyAt: number;
  readonly next: number;
}

export class ArrowSource implements Source {
  readonly #files: FileSequence;
  #preamble = new ArrowPreamble();
  /** Where the next message of the file begins; -1 before its first one. */
  #at = -1;

  constructor(files: FileSequence) {
    this.#files = files;
  }

  get totalBytes(): number | undefined {
    return this.#files.totalBytes;
  }

  open(position: SourcePosition | undefined): Promise<void> {
    return this.#files.open(position);
  }

  /** One record batch, however many rows it has: `limits` cannot split it. */
  async read(target: Uint8Array, _limits: ReadLimits): Promise<Cut | undefined> {
    for (let input = this.#files.current(); input !== undefined; input = this.#files.current()) {
      if (this.#at < 0) await this.#begin(input);
      const found = await this.#nextBatch(input, target);
      if (found !== undefined) return found;
      await this.#files.advance();
      this.#at = -1;
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** The schema and the dictionaries are read again when going on in the middle of a file. */
  async #begin(input: Input): Promise<void> {
    this.#preamble = new ArrowPreamble();
    this.#at = 0;
    const head = Buffer.from(await readExactly(input, ARROW_FILE_HEAD_BYTES, 0)).toString("latin1");
    if (!head.startsWith(ARROW_FILE_MAGIC)) return;
    this.#at = ARROW_FILE_HEAD_BYTES;
    if (input.sizeBytes !== undefined) this.#preamble.setSchema(await this.#footerSchema(input, input.sizeBytes));
  }

  async #footerSchema(input: Input, sizeBytes: number): Promise<Uint8Array> {
    const tailAt = Math.max(0, sizeBytes - ARROW_FILE_TAIL_BYTES);
    const tail = await readExactly(input, ARROW_FILE_TAIL_BYTES, tailAt);
    const footerBytes = this.#named(() => arrowFooterBytes(tail));
    const footer = await readExactly(input, footerBytes, Math.max(0, tailAt - footerBytes));
    return this.#named(() => schemaMessageOf(footer));
  }

  async #nextBatch(input: Input, target: Uint8Array): Promise<Cut | undefined> {
    for (let frame = await this.#frame(input); frame !== undefined; frame = await this.#frame(input)) {
      const isBehind = frame.bodyAt < this.#files.offset;
      if (frame.message.kind === "batch") {
        if (!isBehind) return this.#cutOf(input, frame, target);
      } else if (frame.message.kind !== "other") {
        const body = await readExactly(input, frame.message.bodyBytes, frame.bodyAt, target.length);
        this.#named(() => {
          if (body.length < frame.message.bodyBytes) throw endsInside("a dictionary");
          this.#preamble.add(frame.message, Buffer.concat([frame.header, body]));
        });
      }
      this.#at = frame.next;
    }
    return undefined;
  }

  async #frame(input: Input): Promise<Frame | undefined> {
    const at = this.#at;
    const start = await readExactly(input, ARROW_PREFIX_BYTES, at);
    if (start.length === 0) return undefined; // a stream may end without a mark
    const { prefixBytes, metadataBytes } = this.#named(() => readArrowPrefix(start));
    if (metadataBytes === 0) return undefined;
    // A prefix of 4 bytes leaves 4 bytes of the flatbuffer in `start`; both parts are read without going back.
    const rest = await readExactly(input, prefixBytes + metadataBytes - start.length, at + start.length);
    const header = Buffer.concat([start, rest]);
    const bodyAt = at + prefixBytes + metadataBytes;
    const message = this.#named(() => {
      if (header.length < bodyAt - at) throw endsInside("a message header");
      return readArrowMessage(header.subarray(prefixBytes));
    });
    return { message, header, bodyAt, next: bodyAt + message.bodyBytes };
  }

  async #cutOf(input: Input, frame: Frame, target: Uint8Array): Promise<Cut> {
    if (!this.#preamble.hasSchema) throw this.#noSchema();
    const needed = this.#preamble.bytes + frame.header.length + frame.message.bodyBytes + ARROW_END.length;
    if (needed > target.length) throw this.#tooLarge(needed, target.length, frame);
    await this.#assemble(input, frame, target);
    const files = this.#files;
    const id = `${files.name}@${this.#at}`;
    const { line, timeMs } = files;
    this.#at = files.offset = frame.next;
    files.line += frame.message.rows;
    return {
      id,
      bytes: needed,
      rows: frame.message.rows,
      line,
      timeMs,
      format: { kind: "arrow" },
      position: files.position(),
      progressBytes: files.progressBytes,
      oversized: [],
    };
  }

  /** Schema, dictionaries, record batch, end mark: the body goes from the file straight to its place. */
  async #assemble(input: Input, frame: Frame, target: Uint8Array): Promise<void> {
    const headerAt = this.#preamble.writeTo(target);
    target.set(frame.header, headerAt);
    const bodyAt = headerAt + frame.header.length;
    const body = target.subarray(bodyAt, bodyAt + frame.message.bodyBytes);
    const { bytes } = await input.read(body, frame.bodyAt, body.length - 1);
    this.#named(() => {
      if (bytes < body.length) throw endsInside("a record batch");
    });
    target.set(ARROW_END, bodyAt + body.length);
  }

  /** Adds the file's name to what the message reader says. */
  #named<T>(read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      throw new Failure("source.arrow", `${thrown.message} (${this.#files.name} at byte ${this.#at})`, {
        cause: thrown,
      });
    }
  }

  #noSchema(): Failure {
    return new Failure(
      "source.arrow",
      `cannot read ${this.#files.name}: a record batch at byte ${this.#at} comes before any schema; where the footer alone has it, ` +
        "the file must be neither compressed nor piped",
    );
  }

  #tooLarge(needed: number, limit: number, frame: Frame): Failure {
    return new Failure(
      "source.arrow_batch_too_large",
      `cannot read ${this.#files.name}: the record batch of ${frame.message.rows} records at byte ${this.#at} takes ${needed} bytes ` +
        `with its schema and dictionaries; a batch holds ${limit}: raise batch_bytes, or write the file with smaller record batches`,
    );
  }
}

function endsInside(what: string): Failure {
  return new Failure("format.arrow", `cannot read Arrow IPC: it ends inside ${what}`);
}

/** Up to `length` bytes, fewer only at the end of the input. */
async function readExactly(
  input: Input,
  length: number,
  offset: number,
  lengthMax = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  if (length > lengthMax) {
    throw new Failure(
      "source.arrow_batch_too_large",
      `cannot read ${input.path}: a dictionary at byte ${offset} takes ${length} bytes; a batch holds ${lengthMax}: raise batch_bytes`,
    );
  }
  const bytes = new Uint8Array(length);
  if (length === 0) return bytes;
  const filled = await input.read(bytes, offset, length - 1);
  return bytes.subarray(0, filled.bytes);
}
