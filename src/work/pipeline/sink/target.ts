/** Where a byte-writing sink puts its bytes: a file that can be cut back, or a stream that cannot. */
export interface Target {
  readonly path: string;
  open(position: TargetPosition | undefined): Promise<void>;
  write(bytes: Uint8Array): Promise<void>;
  flush(): Promise<TargetPosition>;
  close(): Promise<void>;
}

/** Plain JSON. */
export interface TargetPosition {
  readonly bytes: number;
  /** The last bytes before the position, for noticing that the file is another one. Absent for streams. */
  readonly tail?: { readonly bytes: number; readonly hash: string };
}
