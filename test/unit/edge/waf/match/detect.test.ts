import { expect, test } from "bun:test";
import fc from "fast-check";
import { foldSql } from "../../../../../src/edge/waf/match/detect/sql-fold.ts";
import { type Context, SqlTokens } from "../../../../../src/edge/waf/match/detect/sql-tokens.ts";
import { PHRASE_TYPES, WORD_TYPES } from "../../../../../src/edge/waf/match/detect/sql-words.ts";
import { detectSqli, isSuspicious } from "../../../../../src/edge/waf/match/detect/sqli.ts";
import { detectXss } from "../../../../../src/edge/waf/match/detect/xss.ts";

test.each([
  "1 and 1=1",
  "' or 1=1--",
  "' or ''='",
  "x' or 'a'='a",
  '" or ""="',
  "1 union select 1,2,3",
  "-1' union all select null,version()--",
  "1)) or (1=1",
  "1; drop table users",
  "x'; exec xp_cmdshell('dir')--",
  "1 order by 10",
  "' order by 3--",
  "' group by a having 1=1--",
  "sleep(5)",
  "' and sleep(5)--",
  "'||(select password from users)||'",
  "' and extractvalue(1,concat(0x7e,version()))--",
  "1/**/or/**/1/**/=/**/1",
  "/*!50000union*/ select 1",
  "admin'--",
  "1--",
  "' or exists(select * from t)",
  "1 into outfile '/tmp/x'",
  "'; waitfor delay '0:0:5'--",
  "(select 1)",
  "'-alert(1)-'",
  "\\x27 and sleep(5)-- ",
])("detectSqli() sees %s", (value) => {
  expect(detectSqli(value)).toBeString();
});

test.each([
  "",
  "hello world",
  "O'Brien",
  "rock and roll",
  "1",
  "1 or 1",
  "it's me and it's you",
  "order by name",
  "select a book from the list",
  "the union of workers",
  "price (maybe) 100, or less",
  "C# and C++",
  "a = b",
  "x@y.example",
  "user()",
  "foo--",
  "drop me a line; create something",
  "I can't; won't",
  "http://a.example/b?c=d&e=f",
])("detectSqli() passes %j", (value) => {
  expect(detectSqli(value)).toBeUndefined();
});

test.each([
  "<script>alert(1)</script>",
  "<SCRIPT/x",
  "<scr\0ipt>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=x>",
  '" onmouseover=alert(1) x="',
  "' onfocus=x autofocus='",
  "` onx12=`x",
  " onerror=x",
  "<a href=javascript:x>",
  "<a href='java&#115;cript:x'>",
  "<a href=' \tvbscript:x'>",
  "<p style=x>",
  "<!--[if IE]>",
  "<!DOCTYPE html>",
  "<!-- ` -->",
  "<?import x>",
  "<animate attributename=href>",
  "<x:y xlink:href=data:x>",
  "<br/onclick=1>",
])("detectXss() sees %s", (value) => {
  expect(detectXss(value)).toBeString();
});

test.each([
  "",
  "hello <b>world</b>",
  "a < b and c > d",
  "<3 you",
  "<a href='http://x.example'>",
  "x=1",
  "on=1",
  "<!-- note -->",
  'if (a < b) c = "d";',
  "onions are good",
  "<img src=/a.png alt=x>",
  "<a onclick>",
])("detectXss() passes %j", (value) => {
  expect(detectXss(value)).toBeUndefined();
});

test("detectors end on anything, and say the same each time", () => {
  const piece = fc.constantFrom(
    "'",
    '"',
    "`",
    "<",
    ">",
    "=",
    "/*",
    "*/",
    "--",
    "#",
    "\\",
    "select",
    "union",
    "(",
    ")",
    "@",
    "0x",
    " ",
    "on",
    "&#x",
    "\0",
  );
  fc.assert(
    fc.property(fc.string({ unit: piece, maxLength: 60 }), (value) => {
      expect(detectSqli(value)).toBe(detectSqli(value) as string);
      expect(detectXss(value)).toBe(detectXss(value) as string);
    }),
    { numRuns: 1_000 },
  );
});

test("foldSql() ends early only where the whole would be of no statement either", () => {
  const words = [...WORD_TYPES.keys(), ...PHRASE_TYPES.keys(), "house", "garden", "of", "Monday"];
  const piece = fc.oneof(
    fc.constantFrom(...words),
    fc.constantFrom(
      "1",
      "2.5",
      "'",
      '"',
      "(",
      ")",
      ",",
      ";",
      "--",
      "#",
      "=",
      "||",
      "+",
      "-",
      "@a",
      "{",
      "}",
      ".",
      "`",
      "::",
    ),
  );
  let early = 0;
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 2, maxLength: 9 }),
      fc.constantFrom<Context>("", "'", '"'),
      fc.constantFrom(" ", ""),
      (pieces, context, blank) => {
        const tokens = new SqlTokens(pieces.join(blank), context, false);
        const shapeOf = (isWhole: boolean): string =>
          foldSql(tokens, isWhole)
            .map(({ type }) => type)
            .join("");
        const [part, whole] = [shapeOf(false), shapeOf(true)];
        if (part === whole) return;
        early += 1;
        expect(whole).toStartWith(part === "nn" ? "nn" : "k");
        expect(isSuspicious(whole)).toBe(false);
      },
    ),
    { numRuns: 4_000, seed: 8 },
  );
  expect(early).toBeGreaterThan(100);
});

test("foldSql() ends early with beginnings that no suspicious shape has", () => {
  const types = [..."ETUBkfto&v1snAc(){},;.:?\\"];
  for (const a of types)
    for (const b of types)
      for (const c of types) for (const begin of ["nn", `k${a}`]) expect(isSuspicious(begin + a + b + c)).toBe(false);
});
