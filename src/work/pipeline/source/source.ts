/**
 * The contract of a source: raw bytes of whole records, cut the same way however often they are read again. A cut has an
 * id that names its place, so a batch that is replayed after a crash is known by everyone behind the source.
 */
import type { RawFormat } from "../../../wire/format/index.ts";

export interface ReadLimits {
  readonly rows: number;
  /** Most bytes of a cut, unless its first record alone is longer and fits in the target. */
  readonly bytes: number;
}

export interface Source {
  /** Size of the whole input where it is known, for progress; valid after `open`. */
  readonly totalBytes: number | undefined;
  /** From the beginning, or from behind the cut that carried the position. */
  open(position: SourcePosition | undefined): Promise<void>;
  /** Fills the target from its start with whole raw records; undefined at the end of the input. */
  read(target: Uint8Array, limits: ReadLimits): Promise<Cut | undefined>;
  /** A checkpoint that holds this position is on disk: what lies before it will not be asked for again. */
  committed?(position: SourcePosition): void;
  /**
   * Records that somebody hands in by other ways than the source's own; who that is was looked at there. Answered as the source answers
   * others, when they are durable. Never fails; left out where nothing can be handed in.
   */
  post?(posted: Posted): Promise<PostAnswer>;
  close(): Promise<void>;
}

/** A request to take records, as HTTP has it. */
export interface Posted {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly key: string | undefined;
  /** Of the trace that it belongs to: the first batch of its records is recorded below it. */
  readonly traceparent?: string | undefined;
  /** The source's own from now on. */
  readonly body: Uint8Array;
}

export interface PostAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly text: string;
}

export interface Cut {
  /** `<path>@<offset>`, inside of an Arrow record batch `+<row>`: the same for every reading of these records. */
  readonly id: string;
  /** Bytes of the target that are filled; 0 when the cut only reports an oversized record. */
  readonly bytes: number;
  /** Records at most (blank lines count): the parser says how many there are. */
  readonly rows: number;
  /** Number of the first line in its file, from 1; of an Arrow batch the number of its first record. */
  readonly line: number;
  /** The file's modification time; of stdin the given start time. */
  readonly timeMs: number;
  readonly format: RawFormat;
  /** Where to go on behind this cut. */
  readonly position: SourcePosition;
  /** Bytes of the input that lie behind this cut, of `totalBytes`. */
  readonly progressBytes: number;
  /** Records too large for the target: left out here, for the dead letters. */
  readonly oversized: readonly Oversized[];
  /** Of the first request with a trace whose records are in it, while this process lives. */
  readonly traceparent?: string | undefined;
}

export interface Oversized {
  readonly line: number;
  readonly bytes: number;
  /** Beginning of the record, wrong bytes shown as U+FFFD. */
  readonly prefix: string;
}

/** Plain JSON, to be stored in a checkpoint. Only the source that made it reads more of it than `path`, a name for people. */
export type SourcePosition = FilePosition | HttpPosition | DirectoryPosition;

/** In the files of a file source: which one, and where in it. */
export interface FilePosition {
  readonly v: 1;
  readonly kind: FileKind;
  /** The list of files as it was, for noticing that it changed. */
  readonly files: { readonly count: number; readonly digest: string };
  readonly index: number;
  readonly path: string;
  /** Bytes of the file, inflated where it is compressed, that lie behind. */
  readonly offset: number;
  /** Of an Arrow record batch that begins at the offset: how many of its rows lie behind too. Otherwise 0. */
  readonly row: number;
  /** Number of the next line (or record, for Arrow). */
  readonly line: number;
  readonly timeMs: number;
  /** Beginning of the file as it was, for noticing another one under the same name. */
  readonly head: FileHead;
  /** Of CSV: the field names of this file. */
  readonly columns: readonly string[] | null;
}

export type FileKind = "ndjson" | "csv" | "lines" | "apache" | "arrow";

/** In the spool of an HTTP source. */
export interface HttpPosition {
  readonly v: 1;
  readonly kind: "http";
  readonly path: string;
  /** Where to go on, counted over everything that was ever spooled. */
  readonly offset: number;
  /** Where the frame begins that the offset lies in; the offset itself between two. */
  readonly frame: number;
  /** Number of the next line. */
  readonly line: number;
}

/** In a watched directory. */
export interface DirectoryPosition {
  readonly v: 1;
  readonly kind: "directory";
  readonly path: string;
  /** The file being read, and where in it; null between two. */
  readonly file: { readonly seen: SeenFile; readonly position: FilePosition } | null;
  /** Files that were read to their end and are, as far as is known, still in the directory. */
  readonly done: readonly SeenFile[];
}

/** A file as it was when it was taken: another one under its name, or the same one changed, is told by this. */
export interface SeenFile {
  readonly name: string;
  readonly inode: number;
  readonly bornMs: number;
  readonly bytes: number;
  readonly timeMs: number;
}

export interface FileHead {
  readonly bytes: number;
  readonly hash: string;
}
