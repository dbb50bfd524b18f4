/** Short words for the lines of the route table. */
import type { Paged, Route, Verb } from "../../edge/admin/index.ts";

type Rest = Partial<Pick<Route, "about" | "content" | "fixed" | "isPublic" | "paged" | "status">>;

/** Lines of one contract: `route("GET", "/pipelines", "list")`. */
export function routesOf(tag: string, contract: string) {
  return (verb: Verb, path: string, method: string, rest: Rest = {}): Route => ({
    verb,
    path,
    contract,
    method,
    tag,
    ...rest,
  });
}

/** The method gives all of it. */
export function sliced(items: string, key: string): { readonly paged: Paged } {
  return { paged: { kind: "slice", items, key } };
}

/** The method takes `limit` and `after`, and says whether there is `more`. */
export function listedAfter(items: string, key: string): { readonly paged: Paged } {
  return { paged: { kind: "after", items, key } };
}

/** The method has cursors of its own. */
export function withCursor(items: string, next = "next"): { readonly paged: Paged } {
  return { paged: { kind: "cursor", items, next } };
}
