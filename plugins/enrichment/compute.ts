/** Computed fields and the factor: numbers by whole columns, other values row by row. */
import type { Batch, Value } from "distributed-system";
import { writeNumbers, writeValues } from "../common/columns.ts";
import { type Faults, messageOf } from "../common/faults.ts";
import { compileItems } from "../common/items.ts";
import { bindNumber, bindValue, isNumeric } from "./evaluate.ts";
import { type Expression, parseExpression } from "./expression.ts";
import { roundTo } from "./round.ts";

export interface Step {
  apply(batch: Batch): void;
}

/** `compute=total:amount*quantity;label:concat(country, "-", city)`: one step each, later ones see earlier results. */
export function computeSteps(text: string, faults: Faults): Step[] {
  return compileItems("compute", text, faults, ({ name, rest }) => {
    const expression = parse(name, rest);
    const write = isNumeric(expression) ? computeNumbers : computeValues;
    return { apply: (batch) => write(batch, name, expression) };
  });
}

function parse(name: string, source: string): Expression {
  try {
    return parseExpression(source);
  } catch (error) {
    throw new Error(`${name}: "${source}" ${messageOf(error)}`);
  }
}

function computeNumbers(batch: Batch, name: string, expression: Expression): void {
  const numberAt = bindNumber(expression, batch);
  const numbers = new Float64Array(batch.length);
  for (let row = 0; row < numbers.length; row++) numbers[row] = numberAt(row);
  writeNumbers(batch, name, numbers);
}

function computeValues(batch: Batch, name: string, expression: Expression): void {
  const valueAt = bindValue(expression, batch);
  const values: (Value | undefined)[] = new Array(batch.length);
  for (let row = 0; row < values.length; row++) values[row] = valueAt(row);
  writeValues(batch, name, values);
}

/** Multiplies a numeric field; records without a number there are not touched. */
export function factorStep(field: string, target: string, factor: number, decimals: number | undefined): Step {
  return {
    apply(batch) {
      const source = batch.column(field)?.numbers();
      if (source === undefined) return;
      const numbers = new Float64Array(batch.length);
      if (decimals === undefined) for (let row = 0; row < numbers.length; row++) numbers[row] = source[row]! * factor;
      else for (let row = 0; row < numbers.length; row++) numbers[row] = roundTo(source[row]! * factor, decimals);
      writeNumbers(batch, target, numbers);
    },
  };
}
