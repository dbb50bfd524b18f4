/** Who has signed in, and what they may do. The node decides again at each call: this only keeps buttons away that would be refused. Pure. */

export interface Identity {
  readonly name: string;
  readonly role: string;
  readonly mayOperate: boolean;
}

const OPERATES: ReadonlySet<string> = new Set(["operator", "operate", "admin", "node"]);

/** The answer of `auth.whoami`, whatever form it has. */
export function identityOf(answer: unknown): Identity {
  const { access, name, role, sub, subject } = (answer ?? {}) as Readonly<Record<string, unknown>>; // checked here
  const text = (...values: unknown[]): string | undefined => values.find((value) => typeof value === "string");
  const shown = text(role, access) ?? "viewer";
  return {
    name: text(subject, sub, name) ?? "unknown",
    role: shown,
    mayOperate: OPERATES.has(text(access) ?? shown) || OPERATES.has(shown),
  };
}

/** `#token=…` of the address, and what of it may stay there. */
export function takeToken(hash: string): { readonly token: string | undefined; readonly rest: string } {
  const words = hash.replace(/^#/, "").split("&");
  const named = words.find((word) => word.startsWith("token="));
  const rest = words.filter((word) => word !== named && word !== "").join("&");
  if (named === undefined) return { token: undefined, rest };
  const text = named.slice("token=".length);
  return { token: /^[\w.~+/=-]+$/.test(text) ? text : undefined, rest };
}
