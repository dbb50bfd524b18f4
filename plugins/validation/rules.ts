/**
 * The quick rules: checks of single fields, read from parameters once and run column by column. A rule looks at one aspect:
 * only `required` minds a missing field, only `types` minds a wrong type, ranges look at numbers and patterns at strings.
 */
import type { Batch, Column, Value } from "distributed-system";
import type { Faults } from "../common/faults.ts";
import { compileItems, show } from "../common/items.ts";
import { parseTime } from "../common/time.ts";
import type { Reasons } from "./reasons.ts";

export interface Rule {
  check(batch: Batch, reasons: Reasons): void;
}

/** The field must be there and not be null. */
export function requiredRule(field: string): Rule {
  return {
    check(batch, reasons) {
      const column = batch.column(field);
      if (column?.type === "integer" || column?.type === "double") requireNumbers(batch, column, reasons);
      else requireValues(batch, field, column, reasons);
    },
  };
}

function requireNumbers(batch: Batch, column: Column, reasons: Reasons): void {
  const numbers = column.numbers();
  for (let row = 0; row < batch.length; row++) {
    if (Number.isNaN(numbers[row]!)) requireValue(batch, column.name, column, row, reasons);
  }
}

function requireValues(batch: Batch, field: string, column: Column | undefined, reasons: Reasons): void {
  for (let row = 0; row < batch.length; row++) {
    if (column?.string(row) === undefined) requireValue(batch, field, column, row, reasons);
  }
}

function requireValue(batch: Batch, field: string, column: Column | undefined, row: number, reasons: Reasons): void {
  const value = column?.get(row);
  if ((value !== undefined && value !== null) || !batch.isLive(row)) return;
  reasons.add(row, value === null ? `${field}: null; a value is required` : `${field}: missing; a value is required`);
}

const ENCODER = new TextEncoder();
const TYPES: Readonly<Record<string, (value: Value) => boolean>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number" || typeof value === "bigint",
  integer: (value) => (typeof value === "number" ? Number.isInteger(value) : typeof value === "bigint"),
  boolean: (value) => typeof value === "boolean",
  datetime: (value) => typeof value === "string" && !Number.isNaN(parseTime(ENCODER.encode(value))),
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

/** `types=amount:number;note:string?`: a present value must be of the type; `?` allows null too. */
export function typeRules(text: string, faults: Faults): Rule[] {
  return compileItems("types", text, faults, ({ name, rest }) => {
    const nullable = rest.endsWith("?");
    const type = nullable ? rest.slice(0, -1) : rest;
    const accepts = Object.hasOwn(TYPES, type) ? TYPES[type]! : undefined;
    if (accepts === undefined) {
      throw new Error(`"${type}" of field ${name} is no type; allowed: ${Object.keys(TYPES).join(", ")}`);
    }
    return { check: (batch, reasons) => checkType(batch, name, { type, nullable, accepts }, reasons) };
  });
}

interface TypeCheck {
  readonly type: string;
  readonly nullable: boolean;
  readonly accepts: (value: Value) => boolean;
}

function checkType(batch: Batch, field: string, check: TypeCheck, reasons: Reasons): void {
  const column = batch.column(field);
  if (column === undefined) return;
  const plainly = plainTest(column, check.type);
  for (let row = 0; row < batch.length; row++) {
    if (plainly(row)) continue;
    const value = column.get(row);
    if (value === undefined || (value === null && check.nullable) || !batch.isLive(row)) continue;
    if (value === null || !check.accepts(value)) {
      reasons.add(
        row,
        `${field}: ${show(value)} is no ${check.type}; ${check.type}${check.nullable ? " or null" : ""} is required`,
      );
    }
  }
}

/** A cheap test that is sure when it says yes; rows where it says no are looked at closely. */
function plainTest(column: Column, type: string): (row: number) => boolean {
  if (type === "string") return (row) => column.string(row) !== undefined;
  if (type !== "number" && type !== "integer") return () => false;
  const numbers = column.numbers();
  return type === "integer" ? (row) => Number.isInteger(numbers[row]) : (row) => !Number.isNaN(numbers[row]!);
}

/** `ranges=amount:0..10000;quantity:1..`: both ends included, either may be left out. */
export function rangeRules(text: string, faults: Faults): Rule[] {
  return compileItems("ranges", text, faults, ({ name, rest }) => {
    const { min, max } = parseRange(name, rest);
    return { check: (batch, reasons) => checkRange(batch, name, min, max, rest, reasons) };
  });
}

function parseRange(field: string, text: string): { min: number; max: number } {
  const ends = text.split("..").map((end) => end.trim());
  const [low, high] = ends;
  const min = low === "" ? Number.NEGATIVE_INFINITY : Number(low);
  const max = high === "" ? Number.POSITIVE_INFINITY : Number(high);
  if (ends.length !== 2 || (low === "" && high === "") || !(min <= max)) {
    throw new Error(`"${text}" of field ${field} is no range; write 0..100, 0.. or ..100, lower end first`);
  }
  return { min, max };
}

function checkRange(batch: Batch, field: string, min: number, max: number, text: string, reasons: Reasons): void {
  const column = batch.column(field);
  if (column === undefined) return;
  const numbers = column.numbers();
  for (let row = 0; row < batch.length; row++) {
    const number = numbers[row]!;
    if ((number < min || number > max) && batch.isLive(row)) {
      reasons.add(row, `${field}: ${show(column.get(row))} is out of range; ${text} is required`);
    }
  }
}
