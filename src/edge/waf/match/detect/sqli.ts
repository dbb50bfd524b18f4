/**
 * Whether a value, put into a statement, would change what the statement does. It is read in the contexts in which it can stand: alone, behind
 * an apostrophe, behind a quotation mark. In each it is cut into tokens, folded to at most five, and the shape of these is asked for what
 * injections look like: logic behind a value, a second statement, a union, a call, a comment that cuts the rest off. A grammar of shapes, not a
 * table of known ones; where a shape is everyday English as well, how it was written decides.
 */
import type { Bytes } from "../bytes.ts";
import { foldSql } from "./sql-fold.ts";
import { type Context, type SqlToken, SqlTokens } from "./sql-tokens.ts";

/** The shape that gave it away, or undefined. */
export function detectSqli(value: Bytes): Bytes | undefined {
  if (value.length === 0) return undefined;
  return (
    inContext(value, "") ??
    (value.includes("'") ? inContext(value, "'") : undefined) ??
    (value.includes('"') ? inContext(value, '"') : undefined)
  );
}

function inContext(value: Bytes, context: Context): Bytes | undefined {
  const strict = judge(value, new SqlTokens(value, context, context === '"'));
  if (strict !== undefined) return strict;
  // `#` and `--x` are read differently by MySQL.
  const differs = context !== '"' && (value.includes("#") || value.includes("--"));
  return differs ? judge(value, new SqlTokens(value, context, true)) : undefined;
}

function judge(value: Bytes, tokens: SqlTokens): Bytes | undefined {
  const folded = foldSql(tokens, value.includes("/*"));
  let shape = "";
  for (const { type } of folded) shape += type;
  return isSuspicious(shape) && !isHarmless(shape, folded, tokens, value) ? shape : undefined;
}

/** Shapes by what they do. Values: `1` numbers, `s` strings, `n` names, `v` variables. */
const SHAPES: readonly RegExp[] = [
  // Nobody writes code into comments honestly.
  /X/,
  // Another select is joined.
  /^[1snv]\)?U[E(]/,
  /^UE[1vsf(o]/,
  // Another statement follows.
  /^[1snv]\)?;T/,
  /^[1sv]\)?;(?:E[nfvk(]|f\(|Es[c;])|^[1s]\);Es|^n;Esc/,
  /^[1sn]\)?Esc/,
  // The condition is widened.
  /^[1snv]\)?&(?:\(|f\(|E[^k]|so|vo)/,
  /^[1snv]&Ek/,
  /^s\)?&(?:1(?!s|E|\)(?!c))|s|v|n[^n]|n$)/,
  /^[1v]\)?&(?:1(?!s|\)(?!c))|[sv]|n(?:o(?!o)|[cB(&]))|^1n&f\(/,
  /^n\)?&(?:1(?!s|\)(?!c))|s[^c]|v[^c]|no[(v])/,
  /^[1s]o[1sv]\)?&[1s(f]/,
  /^[1snv]\)&(?!Ek|1s)/,
  // The statement is ordered, limited, grouped.
  /^[1sv]B[1nvf(](?![s)])/,
  /^[1sv]\)B[1nvf](?![Bs)])/,
  /^nB1[cB]|^n\)B1/,
  // A value is computed by a call or a select.
  /^[1snv]\)?o(?:\(E|f\((?!\)))/,
  /^so\(|^[1s]ov|^so[1v]|^sos(?!n)|^son\([1s]/,
  /^[1s]\)o(?:1(?!s)|\(1)/,
  /^[1snv],?(?:\(E|,f\()/,
  /^f\([1snvfE(]|^(?:[1s]\)?|n)f\(f|^s\)?f\([1n]|^&f\((?:[1n]\)|f)/,
  /^E(?:f\([^)]|1k|1\)|[1v]U|k1k)/,
  /^Tn\(|^nk\(s|^1n\(s\)|^1o\(n\)/,
  // Files are written.
  /^[1s]ks|^[1s]\)ks[^s)]/,
  // The rest is cut off.
  /^[1s]\)?c$/,
];

/** No more is asked of a shape than that it looks like one of them. */
export function isSuspicious(shape: string): boolean {
  return ANY_SHAPE.test(shape);
}

const ANY_SHAPE = new RegExp(SHAPES.map(({ source }) => `(?:${source})`).join("|"));

const PLAIN_LOGIC: ReadonlySet<string> = new Set(["s&n", "n&1", "1&1", "1&v", "1&s"]);

/** Shapes that people write as well: what folded into them has to be more than what they say. */
function isHarmless(shape: string, folded: readonly SqlToken[], tokens: SqlTokens, value: Bytes): boolean {
  const [first, second, third] = folded;
  if (shape.length === 2 && second!.type === "c") return !isCutOff(first!, second!, tokens, value);
  if (shape === "sos" || shape === "s&s") {
    // foo' + 'bar: the value closes one quotation and leaves another open.
    return !(first!.open === "" && third!.close === "" && first!.close === third!.open);
  }
  if (PLAIN_LOGIC.has(shape)) return tokens.at(3) === undefined;
  if (shape.length === 3 && second!.type === "k") return !second!.text.includes("file");
  return false;
}

/** `1 --`, `'--`, `1/*`; not `1#2`, nor a dash in the middle of a text. */
function isCutOff(first: SqlToken, comment: SqlToken, tokens: SqlTokens, value: Bytes): boolean {
  if (comment.text.startsWith("#")) return false;
  if (first.type === "1") {
    if (tokens.at(2) !== undefined || comment.text.startsWith("/")) return true;
    const next = value.charCodeAt(first.to);
    return next <= 32 || value.startsWith("--", first.to);
  }
  return !(comment.text.length > 2 && comment.text.startsWith("-"));
}
