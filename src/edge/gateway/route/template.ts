/**
 * Texts with holes: `{name}` is a parameter of the path, `${variable}` something of the request. Parsed once, so that `check` knows what
 * is wrong with them and a request costs only the joining.
 */

/** `path`: parameters only; `header`: variables only; `location`: both. */
export type TemplateForm = "path" | "header" | "location";

export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "param"; readonly name: string }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "header"; readonly name: string };

export type Template = readonly TemplatePart[];

export interface TemplateFault {
  /** From 0. */
  readonly at: number;
  readonly fault: string;
  readonly allowed: string;
}

/** What `${…}` may name, and what it stands for; beside them `${param.NAME}` and `${header.NAME}`. */
export const HEADER_VARIABLES = {
  client: "the client's address, behind trusted proxies",
  host: "the host that the client named, without its port",
  authority: "host and port as the client named them",
  scheme: "http or https, as the client came",
  method: "the request's method",
  path: "the path in normal form",
  query: "the query as it was sent, without the question mark",
  search: "the query with its question mark, or nothing where there is none",
  target: "path and query",
  route: "the id of the route",
  request_id: "the number of the request that logs and traces show",
} as const;

export type VariableName = keyof typeof HEADER_VARIABLES;

const HOLES = { path: /\{([^{}]*)\}/g, header: /\$\{([^{}]*)\}/g, location: /\$?\{([^{}]*)\}/g } as const;
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

/** `params` are the names that the path has. */
export function parseTemplate(text: string, form: TemplateForm, params: readonly string[]): Template | TemplateFault {
  const parts: TemplatePart[] = [];
  let from = 0;
  for (const match of text.matchAll(HOLES[form])) {
    if (match.index > from) parts.push({ kind: "text", text: text.slice(from, match.index) });
    const part = match[0].startsWith("$") ? variable(match[1]!, params) : parameter(match[1]!, params);
    if (!("kind" in part)) return { at: match.index, ...part };
    parts.push(part);
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  const open = form === "header" ? -1 : parts.findIndex((part) => part.kind === "text" && /[{}]/.test(part.text));
  if (open < 0) return parts;
  return {
    at: Math.max(0, text.search(/[{}]/)),
    fault: "a brace without its other half",
    allowed: "{name}, or %7B and %7D",
  };
}

export function isTemplateFault(result: Template | TemplateFault): result is TemplateFault {
  return !Array.isArray(result);
}

type Draft = Omit<TemplateFault, "at">;

function parameter(name: string, params: readonly string[]): TemplatePart | Draft {
  if (params.includes(name)) return { kind: "param", name };
  return {
    fault: `the path has no parameter ${JSON.stringify(name)}`,
    allowed: params.length === 0 ? "no parameter: the path has none" : params.map((each) => `{${each}}`).join(", "),
  };
}

function variable(name: string, params: readonly string[]): TemplatePart | Draft {
  if (Object.hasOwn(HEADER_VARIABLES, name)) return { kind: "variable", name };
  if (name.startsWith("param.")) return parameter(name.slice("param.".length), params);
  const header = name.startsWith("header.") ? name.slice("header.".length).toLowerCase() : "";
  if (HEADER_NAME.test(header)) return { kind: "header", name: header };
  const names = [...Object.keys(HEADER_VARIABLES), "param.NAME", "header.NAME"];
  return {
    fault: `there is no variable ${JSON.stringify(name)}`,
    allowed: names.map((each) => `\${${each}}`).join(", "),
  };
}
