/** Patterns that PCRE, JavaScript and this engine read alike, made at random: repeated pieces always take at least one byte. */
import fc from "fast-check";

export interface Sample {
  readonly source: string;
  readonly isNullable: boolean;
}

const atom: fc.Arbitrary<Sample> = fc
  .constantFrom("a", "b", "c", "A", ".", "[ab]", "[^a]", "\\w", "\\d", "\\s", "x1", "\\x2e", "[a-c_]", "bc")
  .map((source) => ({ source, isNullable: false }));
const edge: fc.Arbitrary<Sample> = fc
  .constantFrom("^", "$", "\\b", "\\B")
  .map((source) => ({ source, isNullable: true }));

export const pattern: fc.Arbitrary<Sample> = fc.letrec<{ node: Sample }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    atom,
    edge,
    fc
      .tuple(tie("node"), tie("node"))
      .map(([a, b]) => ({ source: a.source + b.source, isNullable: a.isNullable && b.isNullable })),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => ({
      source: `(?:${a.source}|${b.source})`,
      isNullable: a.isNullable || b.isNullable,
    })),
    tie("node").map((a) => ({ source: `(${a.source})`, isNullable: a.isNullable })),
    fc
      .tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{0,2}"), fc.constantFrom("", "?"))
      .map(([a, repeat, lazy]) =>
        a.isNullable
          ? a
          : {
              source: `(?:${a.source})${repeat}${lazy}`,
              isNullable: repeat === "*" || repeat === "?" || repeat === "{0,2}",
            },
      ),
  ),
})).node;

/** No newlines: PCRE and JavaScript differ about the end of a line at the end of a text. */
export const text: fc.Arbitrary<string> = fc.string({
  unit: fc.constantFrom("a", "b", "c", "A", "B", "1", ".", " ", "_", "x"),
  maxLength: 14,
});
