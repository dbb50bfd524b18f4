/** The words of an expression: numbers, texts in quotes, fields (bare, or in backquotes when they hold odd characters), signs. */
export interface Token {
  readonly kind: "number" | "text" | "field" | "sign" | "end";
  readonly text: string;
  /** Position in the expression, from 1, for messages. */
  readonly column: number;
}

const WORDS =
  /\s*(?:(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<text>"[^"]*"|'[^']*')|`(?<quoted>[^`]+)`|(?<field>[\p{L}_][\p{L}\p{N}_.]*)|(?<sign>[-+*/%(),]))/uy;

export function tokenise(source: string): Token[] {
  const tokens: Token[] = [];
  const words = new RegExp(WORDS); // its own lastIndex
  const end = source.trimEnd().length;
  while (words.lastIndex < end) {
    const from = words.lastIndex;
    const match = words.exec(source);
    if (match === null) {
      const column = from + 1 + (source.slice(from).length - source.slice(from).trimStart().length);
      throw new Error(`column ${column}: "${source[column - 1]}" begins no number, text, field or sign`);
    }
    const { number, text, quoted, field, sign } = match.groups!;
    const column = words.lastIndex - match[0].trimStart().length + 1;
    if (number !== undefined) tokens.push({ kind: "number", text: number, column });
    else if (text !== undefined) tokens.push({ kind: "text", text: text.slice(1, -1), column });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign, column });
    else tokens.push({ kind: "field", text: quoted ?? field!, column });
  }
  tokens.push({ kind: "end", text: "the end", column: end + 1 });
  return tokens;
}
