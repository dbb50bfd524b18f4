/** Rules that do all that rules do, and requests of all kinds for them. */
import fc from "fast-check";
import type { Ask } from "../../../../support/waf.ts";

const FORM = ["content-type", "application/x-www-form-urlencoded"];

/** One of each thing that rules do while they look: what they set, chain, capture, leave out and jump over. */
export const RULES = [
  `SecRule ARGS "@rx (o)(n)e" "id:1,phase:2,pass,log,capture,t:lowercase,t:urlDecodeUni,msg:'one %{TX.1} in %{MATCHED_VAR_NAME}',setvar:tx.score=+2,tag:'paranoia-level/1'"`,
  `SecRule ARGS|ARGS_NAMES|REQUEST_HEADERS "@pm two three" "id:2,phase:2,pass,log,t:none,t:lowercase,t:base64Decode,multiMatch,setvar:tx.score=+1"`,
  `SecRule ARGS|!ARGS:free "@contains four" "id:3,phase:2,pass,log,chain,setvar:tx.first_%{MATCHED_VAR_NAME}=1"\nSecRule MATCHED_VARS "@rx four(.)" "capture,chain"\nSecRule TX:1 "@streq s" "setvar:tx.score=+3,t:lowercase"`,
  `SecRule ARGS_NAMES "@streq skip" "id:4,phase:2,pass,nolog,skipAfter:BEHIND"`,
  `SecRule ARGS "!@rx ^[a-z0-9 %=+-]*$" "id:5,phase:2,pass,log,setvar:tx.odd=+1"`,
  `SecRule &ARGS "@gt 6" "id:6,phase:2,pass,log,ctl:ruleRemoveTargetById=9;ARGS:a"`,
  `SecMarker BEHIND`,
  `SecRule ARGS "@contains %{tx.score}" "id:7,phase:2,pass,log"`,
  `SecRule REQUEST_BODY|ARGS|REQUEST_URI "@rx (?i)e(vil|ve){1,3}\\b" "id:8,phase:2,deny,status:406,log"`,
  `SecRule ARGS|XML:/*|FILES_NAMES "@rx x+y" "id:9,phase:2,pass,log,t:removeWhitespace,t:htmlEntityDecode,t:length,multiMatch"`,
  `SecRule TX:SCORE "@ge 9" "id:10,phase:2,deny,log,msg:'score %{tx.score}'"`,
  `SecRule RESPONSE_BODY "@rx leak" "id:11,phase:4,deny,log"`,
  `SecRule TX:odd "@gt 0" "id:12,phase:5,pass,log,msg:'odd %{tx.odd}'"`,
].join("\n");

const value = fc.constantFrom(
  ...["one", "ONE", "%6fne", "two", "dHdv", "fours", "fourt", "FOUR", "evil", "Eve", "x y", "&lt;x", "1", "3", ""],
  ...["four s four", "<b>xxy</b>", "o".repeat(80), "one two three four", "\xff\x00", "=?", "xy".repeat(50)],
);
const pair = fc.tuple(fc.constantFrom("a", "b", "free", "skip", "two", "c%61"), value);
const pairs = fc.array(pair, { maxLength: 12 });

export const request: fc.Arbitrary<Ask> = fc
  .record({
    query: pairs,
    kind: fc.constantFrom("form", "json", "xml", "multipart", "none"),
    body: pairs,
    reply: value,
  })
  .map(({ body, kind, query, reply }) => ({
    method: kind === "none" ? "GET" : "POST",
    target: `/?${query.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join("&")}`,
    headers: [...typeOf(kind), "x-note", "three"],
    body: bodyOf(kind, body),
    reply: { body: `${reply} ${body.length > 9 ? "leak" : ""}` },
  }));

function typeOf(kind: string): readonly string[] {
  if (kind === "none") return [];
  if (kind === "form") return FORM;
  return ["content-type", { json: "application/json", xml: "text/xml" }[kind] ?? "multipart/form-data; boundary=B"];
}

function bodyOf(kind: string, body: readonly (readonly [string, string])[]): string {
  if (kind === "none") return "";
  if (kind === "form") return body.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join("&");
  if (kind === "json") return JSON.stringify(body.map(([name, text]) => ({ [name]: text, deep: [[], {}, [text]] })));
  if (kind === "xml") return `<r>${body.map(([, text]) => `<v>${text.replaceAll(/[<&]/g, "")}</v>`).join("")}</r>`;
  const part = ([name, text]: readonly [string, string]): string =>
    `--B\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
  return `${body.map(part).join("")}--B--\r\n`;
}
