/**
 * The schema of a plugin's parameters, as plain data, so that it crosses process borders and `check` can explain it.
 * Texts come from the pipeline file; values arrive in `context.params` converted.
 */
export type ParamKind =
  | "string"
  | "integer"
  | "number"
  | "boolean"
  | "duration"
  | "size"
  | "list"
  | "path"
  | "paths"
  | "file"
  | "choice";

export interface ParamSpec<T = unknown> {
  readonly kind: ParamKind;
  readonly describe: string;
  readonly required: boolean;
  readonly default?: T;
  readonly min?: number;
  readonly max?: number;
  /** For `choice`: what is allowed. */
  readonly choices?: readonly string[];
  /** Carries the value's type to the compiler; never present at run time. */
  readonly value?: T;
}

export type ParamSchema = Readonly<Record<string, ParamSpec>>;

/** The values that `init` and `processBatch` see: a parameter with neither default nor `required` may be undefined. */
export type ParamValues<S extends ParamSchema> = {
  readonly [K in keyof S]: S[K] extends ParamSpec<infer T>
    ? S[K] extends { readonly required: true } | { readonly default: T }
      ? T
      : T | undefined
    : never;
};

interface Options<T> {
  readonly default?: T;
  readonly required?: true;
  readonly min?: number;
  readonly max?: number;
}

type Spec<T, O> = ParamSpec<T> &
  (O extends { readonly required: true } ? { readonly required: true } : unknown) &
  (O extends { readonly default: T } ? { readonly default: T } : unknown);

function maker<T>(kind: ParamKind) {
  return <const O extends Options<T>>(describe: string, options?: O): Spec<T, O> =>
    ({ kind, describe, required: false, ...options }) as unknown as Spec<T, O>; // the phantom `value` has no run-time part
}

export const param = {
  string: maker<string>("string"),
  integer: maker<number>("integer"),
  number: maker<number>("number"),
  boolean: maker<boolean>("boolean"),
  /** Milliseconds; written `500`, `500ms`, `10s`, `5m`. */
  duration: maker<number>("duration"),
  /** Bytes; written `65536`, `64KiB`, `64MiB`. */
  size: maker<number>("size"),
  /** Items separated by `;`. */
  list: maker<readonly string[]>("list"),
  /** A file to read: looked for in the working directory, then beside the pipeline file; arrives absolute. */
  path: maker<string>("path"),
  /** Such files, separated by `;`. */
  paths: maker<readonly string[]>("paths"),
  /** A file to write, or one that may be missing: seen from the working directory of the command; arrives absolute. */
  file: maker<string>("file"),
  choice: <const C extends readonly string[], const O extends Options<C[number]>>(
    describe: string,
    choices: C,
    options?: O,
  ): Spec<C[number], O> =>
    ({ kind: "choice", describe, required: false, choices, ...options }) as unknown as Spec<C[number], O>,
} as const;
