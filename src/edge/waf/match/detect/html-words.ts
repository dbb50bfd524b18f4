/** Elements, attributes and schemes that make a browser run or fetch something. */

export const ACTIVE_ELEMENTS: ReadonlySet<string> = new Set(
  "applet base comment embed frame frameset handler iframe import isindex link listener meta noscript object script style vmlframe xml xss".split(
    " ",
  ),
);

/** What an attribute's value can do. */
export type AttributeKind = "active" | "url" | "style" | "names attribute";

const KINDS: Readonly<Record<AttributeKind, string>> = {
  active: "dataformatas datasrc srcdoc",
  url: "action by background dynsrc formaction folder from handler href lowsrc poster src to values xlink:href",
  style: "style filter",
  "names attribute": "attributename",
};

const ATTRIBUTES: ReadonlyMap<string, AttributeKind> = new Map(
  Object.entries(KINDS).flatMap(([kind, names]) =>
    names.split(" ").map((name) => [name, kind as AttributeKind] as const),
  ),
);

/** `onx` and shorter are no events. */
const EVENT_BYTES_MIN = 5;

export function attributeKind(name: string): AttributeKind | undefined {
  if (name.length >= EVENT_BYTES_MIN && (name.startsWith("on") || name.startsWith("xmlns") || name.startsWith("xlink")))
    return ATTRIBUTES.get(name) ?? "active";
  return ATTRIBUTES.get(name);
}

const SCHEMES: readonly string[] = ["data", "view-source", "vbscript", "java"];

/** Whether the URL's scheme runs or shows code. Entities are read, controls and high bytes before it passed over. */
export function isActiveUrl(value: string): boolean {
  const longest = 64;
  let text = "";
  for (const match of value.slice(0, 1024).matchAll(/&#(?:x([0-9a-f]{1,8})|([0-9]{1,8}));?|[\s\S]/gi)) {
    const code =
      match[1] !== undefined
        ? Number.parseInt(match[1], 16)
        : match[2] !== undefined
          ? Number(match[2])
          : match[0].charCodeAt(0);
    if (code <= 32 || (code >= 127 && text === "")) continue;
    text += code < 128 ? String.fromCharCode(code).toLowerCase() : "?";
    if (text.length >= longest) break;
  }
  return SCHEMES.some((scheme) => text.startsWith(scheme));
}
