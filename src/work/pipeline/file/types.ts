/**
 * A pipeline file as plain data: what the engine, `check` and the printer share. Texts keep their place in the file, so
 * that a fault found later (by a plugin's schema, say) still points at the character.
 */
import type { ParamText, Span } from "../../lines/index.ts";
import type { EngineParams } from "./engine-params.ts";
import type { FailoverPolicy } from "./policies.ts";
import type { Settings } from "./settings.ts";

export type FieldName =
  | "name"
  | "library"
  | "parameters"
  | "enabled"
  | "failover_policy"
  | "max_retries"
  | "timeout_ms";

/** Columns count UTF-16 units from 1, as editors do. A field that was left out has none. */
export type FieldColumns = Readonly<Partial<Record<FieldName, number>>>;

/** Columns of the fields that stand on the line. */
export function columnsOf(spans: readonly Span[], names: readonly FieldName[]): FieldColumns {
  const columns: Partial<Record<FieldName, number>> = {};
  names.forEach((name, index) => {
    const span = spans[index];
    if (span) columns[name] = span.start + 1;
  });
  return columns;
}

/** The source or the sink: `name|source:KIND|parameters`. */
export interface End {
  readonly name: string;
  readonly kind: string;
  readonly params: readonly ParamText[];
  readonly line: number;
  readonly columns: FieldColumns;
}

/** The library that FALLBACK hands poison records to; its parameters are written `fallback.KEY=value`. */
export interface FallbackSpec {
  readonly library: string;
  readonly params: readonly ParamText[];
}

export interface StageSpec {
  readonly name: string;
  readonly library: string;
  /** The plugin's parameters; the ones that the engine reads are taken out. */
  readonly params: readonly ParamText[];
  readonly enabled: boolean;
  readonly policy: FailoverPolicy;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  /** What the engine reads among the parameters; only what is written there. */
  readonly engine: Partial<EngineParams>;
  readonly fallback?: FallbackSpec;
  readonly line: number;
  readonly columns: FieldColumns;
}

export interface PipelineFile {
  /** The file's base name without its ending: names the pipeline in tables and dead letters. */
  readonly name: string;
  readonly fileName: string;
  readonly source?: End;
  readonly sink?: End;
  readonly stages: readonly StageSpec[];
  readonly settings: Settings;
}
