/** Where bundles come from, as the store sees it: a master's shelf over a link, or next door. */

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ArtifactSource {
  /** Of the bundle with that id; whoever asked checks it. */
  manifest(id: string, options?: ReadOptions): Promise<unknown>;
  /** So many bytes from there on, exactly; at most CHUNK_BYTES_MAX. */
  read(sha256: string, offset: number, length: number, options?: ReadOptions): Promise<Uint8Array>;
}
