/**
 * What a way in needs of the services of a cluster to pass calls on to them: names that are no contracts are theirs. Params and
 * results are the bytes of JSON texts, which nobody on the way parses.
 */
import type { Caller } from "./caller.ts";

export interface ServicesCall {
  /** `users`, `users@1`, `users@1.2.0`. */
  readonly service: string;
  readonly method: string;
  readonly params: Uint8Array;
  readonly caller: ServicesCaller;
  readonly timeoutMs: number;
  readonly traceparent: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface ServicesCaller {
  readonly kind: "outside";
  readonly name: string;
  readonly access: Caller["access"];
  readonly scopes: readonly string[];
}

export interface ServicesPort {
  call(call: ServicesCall): Promise<Uint8Array>;
  stream(call: ServicesCall): AsyncIterable<Uint8Array>;
  /** The version that a call would reach. */
  find(
    service: string,
  ): { readonly methods: Readonly<Record<string, { readonly isStream: boolean } | undefined>> } | undefined;
}

const NO_SCOPES: readonly string[] = [];

export function outsideCaller({ name, access, scopes = NO_SCOPES }: Caller): ServicesCaller {
  return { kind: "outside", name, access, scopes };
}
