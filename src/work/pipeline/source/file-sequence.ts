/**
 * The files of a source one behind the other, and the place reached: what the text and the Arrow source have in common.
 * One file is open at a time. A cut never spans two files.
 */
import { Failure } from "../../../base/errors.ts";
import { fileSize, openInput, streamInput } from "./file-input.ts";
import type { Input, StreamWait } from "./input.ts";
import { digestOf, type ListedFile, listFiles, STDIN_PATH } from "./inputs.ts";
import { checkPosition, POSITION_VERSION } from "./position.ts";
import type { FileHead, FileKind, FilePosition, SourcePosition } from "./source.ts";

export interface SequenceOptions {
  readonly kind: FileKind;
  readonly path: string;
  readonly directories: readonly string[];
  readonly startTimeMs: number;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly wait: StreamWait | undefined;
}

const NO_HEAD: FileHead = { bytes: 0, hash: "" };

export class FileSequence {
  totalBytes: number | undefined;
  offset = 0;
  row = 0;
  line = 1;
  columns: readonly string[] | null = null;
  readonly #options: SequenceOptions;
  #files: readonly ListedFile[] = [];
  #sizes: readonly (number | undefined)[] = [];
  #list: FilePosition["files"] = { count: 0, digest: "" };
  #index = 0;
  #input: Input | undefined;
  #timeMs = 0;
  #bytesBefore = 0;

  constructor(options: SequenceOptions) {
    this.#options = options;
  }

  async open(from: SourcePosition | undefined): Promise<void> {
    const { kind, path, directories } = this.#options;
    this.#files = listFiles(path, directories);
    this.#list = digestOf(this.#files);
    this.#sizes = this.#files.map((file) => (file.path === STDIN_PATH ? undefined : fileSize(file.path)));
    this.totalBytes = this.#sizes.includes(undefined) ? undefined : sum(this.#sizes);
    if (from === undefined) return;
    const position = checkPosition(from, kind, this.#files);
    this.#index = position.index;
    this.#bytesBefore = sum(this.#sizes.slice(0, position.index));
    const input = this.#openCurrent();
    this.offset = position.offset;
    this.row = position.row;
    this.line = position.line;
    this.columns = position.columns;
    this.#timeMs = position.timeMs;
    await this.#checkBorder(input);
  }

  /** The file being read, opened when it is the turn of a new one; undefined behind the last. */
  current(): Input | undefined {
    if (this.#input !== undefined || this.#index >= this.#files.length) return this.#input;
    const input = this.#openCurrent();
    this.offset = 0;
    this.row = 0;
    this.line = 1;
    this.columns = null;
    return input;
  }

  /** Done with the current file. */
  async advance(): Promise<void> {
    await this.#input?.close();
    this.#input = undefined;
    this.#bytesBefore += this.#sizes[this.#index] ?? 0;
    this.#index++;
  }

  get name(): string {
    return this.#files[this.#index]?.name ?? "";
  }

  get timeMs(): number {
    return this.#timeMs;
  }

  get progressBytes(): number {
    return this.#bytesBefore + (this.#input?.progressBytes(this.offset) ?? 0);
  }

  position(): FilePosition {
    return {
      v: POSITION_VERSION,
      kind: this.#options.kind,
      files: this.#list,
      index: this.#index,
      path: this.name,
      offset: this.offset,
      row: this.row,
      line: this.line,
      timeMs: this.#timeMs,
      head: this.#input?.head ?? NO_HEAD,
      columns: this.columns,
    };
  }

  async close(): Promise<void> {
    await this.#input?.close();
    this.#input = undefined;
    this.#index = this.#files.length;
  }

  #openCurrent(): Input {
    const { startTimeMs, stdin, wait } = this.#options;
    const file = this.#files[this.#index]!; // callers stay inside the list
    const input =
      file.path === STDIN_PATH ? streamInput(file.name, stdin, () => undefined, wait) : openInput(file.path, wait);
    this.#input = input;
    this.#timeMs = input.timeMs ?? startTimeMs;
    return input;
  }

  /** A text file that ended in the middle of a line and has grown since would give the rest of that line as a record. */
  async #checkBorder(input: Input): Promise<void> {
    if (this.#options.kind === "arrow" || this.offset === 0) return;
    const around = new Uint8Array(2);
    const { bytes } = await input.read(around, this.offset - 1);
    if (bytes < 2 || around[0] === 10) return;
    throw new Failure(
      "source.file_changed",
      `cannot go on in ${this.name}: its last line was read without a line ending up to byte ${this.offset}, and the file has ` +
        "grown since; start over with --fresh",
    );
  }
}

function sum(sizes: readonly (number | undefined)[]): number {
  return sizes.reduce<number>((total, size) => total + (size ?? 0), 0);
}
