/**
 * Replies made smaller for clients that take it. Texts of a middling size that are there as a whole are coded at once, as that is the quickest;
 * longer ones, and those of unknown length, on their way, each piece sent on as it comes, a bounded number at a time: others go on as they are.
 */
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  type Gzip,
} from "node:zlib";
import { Failure } from "../../../base/errors.ts";
import {
  type BodySink,
  CancelHearingSink,
  GatheringSink,
  type HeaderList,
  headerOf,
  type ReplyHead,
} from "../../../wire/http/index.ts";
import { type Coding, codedHead, codingFor, isCodable, variedHead } from "./coding.ts";
import { brokenOff } from "./failures.ts";
import type { OpenReply, Passage, ReplyGuard } from "./words.ts";

/** Below, the head is most of it. */
const BYTES_MIN = 1_024;
/** Some 10 ms of work: all other requests wait meanwhile. */
const BYTES_MAX = 1024 * 1024;
/** Of gzip and Brotli: most of the gain for a third of the time; zstd's own default is quicker than both. */
const LEVEL = 4;
const ZSTD_LEVEL = 3;
/** Under way at once in a process: each holds some 300 KiB, as much as its coding looks back. */
const STREAMS_MAX = 256;

/** `streamsMax`: those that are coded on their way at once. One guard for all routes. */
export function compressing(streamsMax = STREAMS_MAX): ReplyGuard {
  let underWay = 0;
  return {
    isStrict: false,
    take(passage, head, length, open) {
      const isWhole = length !== undefined && length <= BYTES_MAX;
      const mayCode = isWhole ? length >= BYTES_MIN : underWay < streamsMax;
      const coding = mayCode ? codingFor(passage, head) : undefined;
      if (coding === undefined) return open(mayBeCoded(passage, head, length) ? variedHead(head) : head, length);
      if (isWhole) return packing({ passage, head, length, open }, coding);
      underWay++;
      const sink = new CompressingSink(open(codedHead(head, coding), undefined), packerOf(coding));
      passage.atEnd(() => {
        underWay--;
        sink.stop();
      });
      return sink;
    },
  };
}

interface WholeReply {
  readonly passage: Passage;
  readonly head: ReplyHead;
  readonly length: number;
  readonly open: OpenReply;
}

/** Gathered, and coded where that makes it smaller. */
function packing({ head, length, open, passage }: WholeReply, coding: Coding): BodySink {
  return new GatheringSink(length, (outcome) => {
    if (outcome instanceof Failure) return passage.refuse(brokenOff(outcome), outcome.message);
    const { bytes, trailers } = outcome;
    const packed = packedBy(coding, bytes);
    const isSmaller = packed.byteLength < bytes.byteLength;
    const body = isSmaller ? packed : bytes;
    const sink = open(isSmaller ? codedHead(head, coding) : variedHead(head), body.byteLength);
    if (body.byteLength > 0) sink.write(body);
    sink.end(trailers);
  });
}

/** For another client, or at another time; to HEAD by what the body would have been. */
function mayBeCoded({ request }: Passage, head: ReplyHead, length: number | undefined): boolean {
  const bytes = request.method === "HEAD" ? Number(headerOf(head.headers, "content-length") ?? BYTES_MIN) : length;
  return (bytes === undefined || bytes >= BYTES_MIN) && isCodable(head);
}

function packedBy(coding: Coding, body: Uint8Array): Uint8Array {
  if (coding === "zstd") return Bun.zstdCompressSync(new Uint8Array(body), { level: ZSTD_LEVEL });
  if (coding === "gzip") return Bun.gzipSync(new Uint8Array(body), { level: LEVEL });
  return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: LEVEL } });
}

type Packer = Pick<Gzip, "write" | "end" | "on" | "pause" | "resume" | "destroy">;

/** What is written comes out at once, with all that the client needs to read it. */
function packerOf(coding: Coding): Packer {
  if (coding === "gzip") return createGzip({ level: LEVEL, flush: constants.Z_SYNC_FLUSH });
  if (coding === "br") {
    const params = { [constants.BROTLI_PARAM_QUALITY]: LEVEL };
    return createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH, params });
  }
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  return createZstdCompress({ flush: constants.ZSTD_e_flush, params });
}

class CompressingSink extends CancelHearingSink {
  readonly #packer: Packer;
  #onReady: (() => void) | undefined;
  #trailers: HeaderList | undefined;
  #isOver = false;

  constructor(inner: BodySink, packer: Packer) {
    super(inner);
    this.#packer = packer;
    inner.onReady = () => packer.resume();
    packer.on("data", (bytes: Buffer) => {
      if (!this.#isOver && !inner.write(bytes)) packer.pause();
    });
    packer.on("drain", () => this.#onReady?.());
    packer.on("end", () => this.#over(() => inner.end(this.#trailers)));
    packer.on("error", (error: Error) => this.abort(new Failure("gateway.defect", `coding a reply: ${error.message}`)));
  }

  override get onReady(): (() => void) | undefined {
    return this.#onReady;
  }

  override set onReady(callback: (() => void) | undefined) {
    this.#onReady = callback;
  }

  override write(chunk: Uint8Array): boolean {
    return !this.#isOver && this.#packer.write(chunk);
  }

  override end(trailers?: HeaderList): void {
    this.#trailers = trailers;
    if (!this.#isOver) this.#packer.end();
  }

  override abort(cause: Failure): void {
    this.#over(() => this.inner.abort(cause));
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.#over(() => {});
  }

  protected override cancelled(cause: Failure): void {
    this.#over(() => super.cancelled(cause));
  }

  #over(then: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#packer.destroy();
    then();
  }
}
