/**
 * The expression language of `compute`: numbers, texts, fields, + - * / %, parentheses and a fixed list of functions. It is
 * parsed once into a tree; there is no way from it to JavaScript. Refuses unknown functions, wrong numbers of arguments, and
 * expressions too long or too deep, naming the column.
 */
import { type Token, tokenise } from "./tokens.ts";

export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "negate"; readonly of: Expression }
  | { readonly kind: "binary"; readonly operator: Operator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "call"; readonly name: FunctionName; readonly args: readonly Expression[] };

export type Operator = "+" | "-" | "*" | "/" | "%";

const MANY = 32; // arguments of the functions that take any number
/** Least and most arguments. */
export const FUNCTIONS = {
  abs: [1, 1],
  ceil: [1, 1],
  coalesce: [1, MANY],
  concat: [1, MANY],
  floor: [1, 1],
  length: [1, 1],
  lower: [1, 1],
  max: [1, MANY],
  min: [1, MANY],
  round: [1, 2],
  sqrt: [1, 1],
  trim: [1, 1],
  upper: [1, 1],
} as const satisfies Record<string, readonly [number, number]>;

export type FunctionName = keyof typeof FUNCTIONS;

const SOURCE_MAX = 2000; // characters; a formula that people can read
const DEPTH_MAX = 50; // nesting; the parser recurses

export function parseExpression(source: string): Expression {
  if (source.length > SOURCE_MAX)
    throw new Error(`the expression has ${source.length} characters; at most ${SOURCE_MAX} are allowed`);
  return new Parser(tokenise(source)).whole();
}

/** Recursive descent: sum > product > unary > primary. */
class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#sum();
    if (this.#next.kind !== "end") this.#fail("an operator or the end");
    return expression;
  }

  get #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #sum(): Expression {
    return this.#chain(["+", "-"], () => this.#chain(["*", "/", "%"], () => this.#unary()));
  }

  #chain(operators: readonly Operator[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const operator = operators.find((each) => this.#take(each));
      if (operator === undefined) return left;
      left = { kind: "binary", operator, left, right: operand() };
    }
  }

  #unary(): Expression {
    if (++this.#depth > DEPTH_MAX) throw new Error(`the expression nests deeper than ${DEPTH_MAX} levels`);
    const expression: Expression = this.#take("-") ? { kind: "negate", of: this.#unary() } : this.#primary();
    this.#depth--;
    return expression;
  }

  #primary(): Expression {
    const token = this.#next;
    if (this.#take("(")) {
      const inner = this.#sum();
      this.#expect(")");
      return inner;
    }
    if (token.kind === "sign" || token.kind === "end") this.#fail("a number, a text, a field or (");
    this.#at++;
    if (token.kind === "number") return { kind: "number", value: Number(token.text) };
    if (token.kind === "text") return { kind: "text", value: token.text };
    return this.#take("(") ? this.#call(token) : { kind: "field", name: token.text };
  }

  #call(token: Token): Expression {
    const name = token.text;
    if (!isFunction(name)) {
      throw new Error(`column ${token.column}: ${name} is no function; allowed: ${Object.keys(FUNCTIONS).join(", ")}`);
    }
    const args: Expression[] = [];
    do args.push(this.#sum());
    while (this.#take(","));
    this.#expect(")");
    const [least, most] = FUNCTIONS[name];
    if (args.length < least || args.length > most) {
      throw new Error(
        `column ${token.column}: ${name} has ${args.length} arguments; ${least === most ? least : `${least} to ${most}`} are required`,
      );
    }
    return { kind: "call", name, args };
  }

  #take(sign: string): boolean {
    const taken = this.#next.kind === "sign" && this.#next.text === sign;
    if (taken) this.#at++;
    return taken;
  }

  #expect(sign: string): void {
    if (!this.#take(sign)) this.#fail(sign);
  }

  #fail(required: string): never {
    throw new Error(`column ${this.#next.column}: found ${this.#next.text}; ${required} is required`);
  }
}

function isFunction(name: string): name is FunctionName {
  return Object.hasOwn(FUNCTIONS, name);
}
