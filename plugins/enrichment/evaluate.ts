/**
 * Expressions bound to a batch: each node of the tree becomes a closure over the columns that it reads, so that a row costs a
 * few calls and no look-up of names. There are two kinds of closure: numbers (NaN for none, nothing allocated) and any values
 * (undefined for none). A missing or ill-typed operand makes the whole result "none"; only coalesce and concat forgive it.
 */
import type { Batch, Value } from "distributed-system";
import type { Expression, FunctionName, Operator } from "./expression.ts";
import { DECIMALS_MAX, roundTo } from "./round.ts";

type NumberAt = (row: number) => number;
type ValueAt = (row: number) => Value | undefined;
type Call = Extract<Expression, { kind: "call" }>;

const TEXT_FUNCTIONS: ReadonlySet<FunctionName> = new Set(["concat", "upper", "lower", "trim"]);

/** True when the result can only be a number: such results are computed without touching any other value. */
export function isNumeric(expression: Expression): boolean {
  if (expression.kind === "field" || expression.kind === "text") return false;
  if (expression.kind !== "call") return true;
  return expression.name === "coalesce" ? expression.args.every(isNumeric) : !TEXT_FUNCTIONS.has(expression.name);
}

/** The number at a row, NaN for none. */
export function bindNumber(expression: Expression, batch: Batch): NumberAt {
  switch (expression.kind) {
    case "number": {
      const { value } = expression;
      return () => value;
    }
    case "field": {
      const numbers = batch.column(expression.name)?.numbers();
      return numbers === undefined ? () => Number.NaN : (row) => numbers[row]!;
    }
    case "negate": {
      const of = bindNumber(expression.of, batch);
      return (row) => -of(row);
    }
    case "binary":
      return bindBinary(expression.operator, bindNumber(expression.left, batch), bindNumber(expression.right, batch));
    case "text":
      return () => Number.NaN;
    case "call":
      return bindNumberCall(expression, batch);
  }
}

function bindBinary(operator: Operator, left: NumberAt, right: NumberAt): NumberAt {
  switch (operator) {
    case "+":
      return (row) => left(row) + right(row);
    case "-":
      return (row) => left(row) - right(row);
    case "*":
      return (row) => left(row) * right(row);
    case "/":
      return (row) => left(row) / right(row);
    case "%":
      return (row) => left(row) % right(row);
  }
}

function bindNumberCall(call: Call, batch: Batch): NumberAt {
  const { name } = call;
  if (name === "length") {
    const value = bindValue(call.args[0]!, batch);
    return (row) => lengthOf(value(row));
  }
  if (name === "coalesce" || TEXT_FUNCTIONS.has(name)) {
    const value = bindValue(call, batch);
    return (row) => numberFrom(value(row));
  }
  const args = call.args.map((arg) => bindNumber(arg, batch));
  const first = args[0]!;
  if (name === "round") return bindRound(first, args[1]);
  if (name === "min") return (row) => args.reduce((least, arg) => Math.min(least, arg(row)), Number.POSITIVE_INFINITY);
  if (name === "max") return (row) => args.reduce((most, arg) => Math.max(most, arg(row)), Number.NEGATIVE_INFINITY);
  const compute = Math[name as "abs" | "ceil" | "floor" | "sqrt"]; // what is left of the list
  return (row) => compute(first(row));
}

function bindRound(value: NumberAt, decimals: NumberAt | undefined): NumberAt {
  if (decimals === undefined) return (row) => roundTo(value(row), 0);
  return (row) => {
    const places = decimals(row);
    return places >= 0 && places <= DECIMALS_MAX ? roundTo(value(row), Math.trunc(places)) : Number.NaN;
  };
}

/** The value at a row, undefined for none. */
export function bindValue(expression: Expression, batch: Batch): ValueAt {
  if (expression.kind === "text") {
    const { value } = expression;
    return () => value;
  }
  if (expression.kind === "field") {
    const column = batch.column(expression.name);
    return column === undefined ? () => undefined : (row) => column.get(row);
  }
  if (expression.kind === "call" && !isNumericCall(expression.name)) return bindValueCall(expression, batch);
  const number = bindNumber(expression, batch);
  return (row) => {
    const value = number(row);
    return Number.isFinite(value) ? value : undefined;
  };
}

function isNumericCall(name: FunctionName): boolean {
  return name !== "coalesce" && !TEXT_FUNCTIONS.has(name);
}

function bindValueCall(call: Call, batch: Batch): ValueAt {
  const args = call.args.map((arg) => bindValue(arg, batch));
  switch (call.name) {
    case "concat":
      return (row) => args.reduce((text, arg) => text + textOf(arg(row)), "");
    case "coalesce":
      return (row) => {
        for (const arg of args) {
          const value = arg(row);
          if (value !== undefined && value !== null) return value;
        }
        return undefined;
      };
    default:
      return bindTextChange(call.name, args[0]!);
  }
}

function bindTextChange(name: FunctionName, value: ValueAt): ValueAt {
  const change: (text: string) => string =
    name === "upper"
      ? (text) => text.toUpperCase()
      : name === "lower"
        ? (text) => text.toLowerCase()
        : (text) => text.trim();
  return (row) => {
    const text = value(row);
    return typeof text === "string" ? change(text) : undefined;
  };
}

function textOf(value: Value | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value, (_key, each) => (typeof each === "bigint" ? Number(each) : each));
}

function numberFrom(value: Value | undefined): number {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
}

function lengthOf(value: Value | undefined): number {
  if (typeof value === "string") return [...value].length;
  return Array.isArray(value) ? value.length : Number.NaN;
}
