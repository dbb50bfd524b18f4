/** What the source tests share: a directory that goes away, and reading a source to its end. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Cut,
  createSource,
  type ReadLimits,
  type Source,
  type SourceEnvironment,
  type SourcePosition,
} from "../../../../../src/work/pipeline/source/index.ts";

export class TestDirectory {
  readonly path = mkdtempSync(join(tmpdir(), "source-"));

  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface ReadCut extends Cut {
  readonly content: Buffer;
}

export const WIDE: ReadLimits = { rows: 1000, bytes: 1 << 16 };
export const START_TIME_MS = 1_700_000_000_000;

export function environment(more: Partial<SourceEnvironment> = {}): SourceEnvironment {
  return { startTimeMs: START_TIME_MS, stdin: chunks([]), ...more };
}

export async function* chunks(parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part as string);
}

export interface ReadOptions {
  readonly position?: SourcePosition | undefined;
  readonly limits?: ReadLimits;
  readonly targetBytes?: number;
  /** Stops after so many cuts. */
  readonly cuts?: number;
  readonly more?: Partial<SourceEnvironment>;
}

/** Opens a source of its own, reads, closes. */
export async function readSource(
  kind: string,
  params: Record<string, unknown>,
  options: ReadOptions = {},
): Promise<ReadCut[]> {
  const source = createSource(kind, params, environment(options.more));
  try {
    await source.open(options.position);
    return await readAll(source, options);
  } finally {
    await source.close();
  }
}

export async function readAll(source: Source, options: ReadOptions = {}): Promise<ReadCut[]> {
  const { limits = WIDE, targetBytes = 1 << 16, cuts = Number.POSITIVE_INFINITY } = options;
  const target = new Uint8Array(targetBytes);
  const found: ReadCut[] = [];
  while (found.length < cuts) {
    const cut = await source.read(target, limits);
    if (cut === undefined) break;
    found.push({ ...cut, content: Buffer.from(target.subarray(0, cut.bytes)) });
  }
  return found;
}

export function textOf(cuts: readonly ReadCut[]): string {
  return Buffer.concat(cuts.map((cut) => cut.content)).toString();
}

export function viaJson(position: SourcePosition | undefined): SourcePosition | undefined {
  return position && JSON.parse(JSON.stringify(position));
}
