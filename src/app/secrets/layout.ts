/**
 * Where secrets lie in a directory made by `init`. The same names on every machine, so that copying keeps them:
 *
 *     cluster.key            on every node
 *     ca.crt                 on every node
 *     ca.key                 where `init` ran, and nowhere else
 *     nodes/NAME.crt, .key   on that node
 */
import { join } from "node:path";

export const NODES = "nodes";

export interface Layout {
  readonly keyFile: string;
  readonly authorityCert: string;
  readonly authorityKey: string;
  readonly nodes: string;
}

export function layoutOf(dir: string): Layout {
  return {
    keyFile: join(dir, "cluster.key"),
    authorityCert: join(dir, "ca.crt"),
    authorityKey: join(dir, "ca.key"),
    nodes: join(dir, NODES),
  };
}

export function nodeFiles({ nodes }: Layout, name: string): { readonly cert: string; readonly key: string } {
  return { cert: join(nodes, `${name}.crt`), key: join(nodes, `${name}.key`) };
}
