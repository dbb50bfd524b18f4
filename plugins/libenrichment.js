// @bun
// plugins/enrichment/index.ts
import { definePlugin, param } from "distributed-system";

// plugins/common/columns.ts
function writeValues(batch, name, values) {
  if (batch.column(name) === undefined || isComplete(batch, values)) {
    batch.addColumn(name, values);
    return;
  }
  for (let row = 0;row < values.length; row++) {
    const value = values[row];
    if (value !== undefined && batch.isLive(row))
      batch.set(row, name, value);
  }
}
function writeNumbers(batch, name, numbers) {
  let sum = 0;
  for (let row = 0;row < numbers.length; row++)
    sum += numbers[row] * 0;
  if (sum === 0)
    batch.addColumn(name, numbers);
  else
    writeValues(batch, name, Array.from(numbers, (number) => Number.isFinite(number) ? number : undefined));
}
function isComplete(batch, values) {
  for (let row = 0;row < values.length; row++) {
    if (values[row] === undefined && batch.isLive(row))
      return false;
  }
  return true;
}

// plugins/common/items.ts
function splitItems(text) {
  const items = [];
  let item = "";
  for (let at = 0;at < text.length; at++) {
    const char = text[at];
    if (char === "\\" && at + 1 < text.length) {
      const next = text[++at];
      item += next === ";" ? ";" : char + next;
    } else if (char === ";") {
      items.push(item);
      item = "";
    } else
      item += char;
  }
  items.push(item);
  return items.map((each) => each.trim()).filter((each) => each !== "");
}
function namedItems(parameter, text) {
  return splitItems(text).map((item) => {
    const { name, rest } = cutAtColon(item);
    if (name === "" || rest === undefined) {
      throw new Error(`parameter ${parameter}: item "${item}" has no name and colon; each item is name:value, items end at ;`);
    }
    return { name, rest: rest.trim() };
  });
}
function cutAtColon(item) {
  let name = "";
  for (let at = 0;at < item.length; at++) {
    const char = item[at];
    if (char === "\\" && item[at + 1] === ":") {
      name += ":";
      at++;
    } else if (char === ":")
      return { name: name.trim(), rest: item.slice(at + 1) };
    else
      name += char;
  }
  return { name: name.trim(), rest: undefined };
}
function show(value) {
  const SHOWN_MAX = 60;
  const text = value === undefined ? "nothing" : JSON.stringify(value, (_key, each) => typeof each === "bigint" ? each.toString() : each) ?? "nothing";
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}\u2026` : text;
}

// plugins/enrichment/round.ts
var DECIMALS_MAX = 15;
var TIE_TOLERANCE = 4 * Number.EPSILON;
function roundTo(value, decimals) {
  const scale = 10 ** decimals;
  const scaled = Math.abs(value) * scale;
  if (!(scaled < 2 ** 52))
    return value;
  const below = Math.floor(scaled);
  const up = scaled - below >= 0.5 - TIE_TOLERANCE * (scaled + 1);
  return Math.sign(value) * (up ? below + 1 : below) / scale;
}

// plugins/enrichment/evaluate.ts
var TEXT_FUNCTIONS = new Set(["concat", "upper", "lower", "trim"]);
function isNumeric(expression) {
  if (expression.kind === "field" || expression.kind === "text")
    return false;
  if (expression.kind !== "call")
    return true;
  return expression.name === "coalesce" ? expression.args.every(isNumeric) : !TEXT_FUNCTIONS.has(expression.name);
}
function bindNumber(expression, batch) {
  switch (expression.kind) {
    case "number": {
      const { value } = expression;
      return () => value;
    }
    case "field": {
      const numbers = batch.column(expression.name)?.numbers();
      return numbers === undefined ? () => Number.NaN : (row) => numbers[row];
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
function bindBinary(operator, left, right) {
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
function bindNumberCall(call, batch) {
  const { name } = call;
  if (name === "length") {
    const value = bindValue(call.args[0], batch);
    return (row) => lengthOf(value(row));
  }
  if (name === "coalesce" || TEXT_FUNCTIONS.has(name)) {
    const value = bindValue(call, batch);
    return (row) => numberFrom(value(row));
  }
  const args = call.args.map((arg) => bindNumber(arg, batch));
  const first = args[0];
  if (name === "round")
    return bindRound(first, args[1]);
  if (name === "min")
    return (row) => args.reduce((least, arg) => Math.min(least, arg(row)), Number.POSITIVE_INFINITY);
  if (name === "max")
    return (row) => args.reduce((most, arg) => Math.max(most, arg(row)), Number.NEGATIVE_INFINITY);
  const compute = Math[name];
  return (row) => compute(first(row));
}
function bindRound(value, decimals) {
  if (decimals === undefined)
    return (row) => roundTo(value(row), 0);
  return (row) => {
    const places = decimals(row);
    return places >= 0 && places <= DECIMALS_MAX ? roundTo(value(row), Math.trunc(places)) : Number.NaN;
  };
}
function bindValue(expression, batch) {
  if (expression.kind === "text") {
    const { value } = expression;
    return () => value;
  }
  if (expression.kind === "field") {
    const column = batch.column(expression.name);
    return column === undefined ? () => {
      return;
    } : (row) => column.get(row);
  }
  if (expression.kind === "call" && !isNumericCall(expression.name))
    return bindValueCall(expression, batch);
  const number = bindNumber(expression, batch);
  return (row) => {
    const value = number(row);
    return Number.isFinite(value) ? value : undefined;
  };
}
function isNumericCall(name) {
  return name !== "coalesce" && !TEXT_FUNCTIONS.has(name);
}
function bindValueCall(call, batch) {
  const args = call.args.map((arg) => bindValue(arg, batch));
  switch (call.name) {
    case "concat":
      return (row) => args.reduce((text, arg) => text + textOf(arg(row)), "");
    case "coalesce":
      return (row) => {
        for (const arg of args) {
          const value = arg(row);
          if (value !== undefined && value !== null)
            return value;
        }
        return;
      };
    default:
      return bindTextChange(call.name, args[0]);
  }
}
function bindTextChange(name, value) {
  const change = name === "upper" ? (text) => text.toUpperCase() : name === "lower" ? (text) => text.toLowerCase() : (text) => text.trim();
  return (row) => {
    const text = value(row);
    return typeof text === "string" ? change(text) : undefined;
  };
}
function textOf(value) {
  if (value === undefined || value === null)
    return "";
  if (typeof value !== "object")
    return String(value);
  return JSON.stringify(value, (_key, each) => typeof each === "bigint" ? Number(each) : each);
}
function numberFrom(value) {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
}
function lengthOf(value) {
  if (typeof value === "string")
    return [...value].length;
  return Array.isArray(value) ? value.length : Number.NaN;
}

// plugins/enrichment/tokens.ts
var WORDS = /\s*(?:(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<text>"[^"]*"|'[^']*')|`(?<quoted>[^`]+)`|(?<field>[\p{L}_][\p{L}\p{N}_.]*)|(?<sign>[-+*/%(),]))/uy;
function tokenise(source) {
  const tokens = [];
  const words = new RegExp(WORDS);
  const end = source.trimEnd().length;
  while (words.lastIndex < end) {
    const from = words.lastIndex;
    const match = words.exec(source);
    if (match === null) {
      const column = from + 1 + (source.slice(from).length - source.slice(from).trimStart().length);
      throw new Error(`column ${column}: "${source[column - 1]}" begins no number, text, field or sign`);
    }
    const { number, text, quoted, field, sign } = match.groups;
    const column = words.lastIndex - match[0].trimStart().length + 1;
    if (number !== undefined)
      tokens.push({ kind: "number", text: number, column });
    else if (text !== undefined)
      tokens.push({ kind: "text", text: text.slice(1, -1), column });
    else if (sign !== undefined)
      tokens.push({ kind: "sign", text: sign, column });
    else
      tokens.push({ kind: "field", text: quoted ?? field, column });
  }
  tokens.push({ kind: "end", text: "the end", column: end + 1 });
  return tokens;
}

// plugins/enrichment/expression.ts
var MANY = 32;
var FUNCTIONS = {
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
  upper: [1, 1]
};
var SOURCE_MAX = 2000;
var DEPTH_MAX = 50;
function parseExpression(source) {
  if (source.length > SOURCE_MAX)
    throw new Error(`the expression has ${source.length} characters; at most ${SOURCE_MAX} are allowed`);
  return new Parser(tokenise(source)).whole();
}

class Parser {
  #tokens;
  #at = 0;
  #depth = 0;
  constructor(tokens) {
    this.#tokens = tokens;
  }
  whole() {
    const expression = this.#sum();
    if (this.#next.kind !== "end")
      this.#fail("an operator or the end");
    return expression;
  }
  get #next() {
    return this.#tokens[this.#at];
  }
  #sum() {
    return this.#chain(["+", "-"], () => this.#chain(["*", "/", "%"], () => this.#unary()));
  }
  #chain(operators, operand) {
    let left = operand();
    for (;; ) {
      const operator = operators.find((each) => this.#take(each));
      if (operator === undefined)
        return left;
      left = { kind: "binary", operator, left, right: operand() };
    }
  }
  #unary() {
    if (++this.#depth > DEPTH_MAX)
      throw new Error(`the expression nests deeper than ${DEPTH_MAX} levels`);
    const expression = this.#take("-") ? { kind: "negate", of: this.#unary() } : this.#primary();
    this.#depth--;
    return expression;
  }
  #primary() {
    const token = this.#next;
    if (this.#take("(")) {
      const inner = this.#sum();
      this.#expect(")");
      return inner;
    }
    if (token.kind === "sign" || token.kind === "end")
      this.#fail("a number, a text, a field or (");
    this.#at++;
    if (token.kind === "number")
      return { kind: "number", value: Number(token.text) };
    if (token.kind === "text")
      return { kind: "text", value: token.text };
    return this.#take("(") ? this.#call(token) : { kind: "field", name: token.text };
  }
  #call(token) {
    const name = token.text;
    if (!isFunction(name)) {
      throw new Error(`column ${token.column}: ${name} is no function; allowed: ${Object.keys(FUNCTIONS).join(", ")}`);
    }
    const args = [];
    do
      args.push(this.#sum());
    while (this.#take(","));
    this.#expect(")");
    const [least, most] = FUNCTIONS[name];
    if (args.length < least || args.length > most) {
      throw new Error(`column ${token.column}: ${name} has ${args.length} arguments; ${least === most ? least : `${least} to ${most}`} are required`);
    }
    return { kind: "call", name, args };
  }
  #take(sign) {
    const taken = this.#next.kind === "sign" && this.#next.text === sign;
    if (taken)
      this.#at++;
    return taken;
  }
  #expect(sign) {
    if (!this.#take(sign))
      this.#fail(sign);
  }
  #fail(required) {
    throw new Error(`column ${this.#next.column}: found ${this.#next.text}; ${required} is required`);
  }
}
function isFunction(name) {
  return Object.hasOwn(FUNCTIONS, name);
}

// plugins/enrichment/compute.ts
function computeSteps(text) {
  return namedItems("compute", text).map(({ name, rest }) => {
    const expression = parse(name, rest);
    const write = isNumeric(expression) ? computeNumbers : computeValues;
    return { apply: (batch) => write(batch, name, expression) };
  });
}
function parse(name, source) {
  try {
    return parseExpression(source);
  } catch (error) {
    throw new Error(`parameter compute: ${name}: "${source}" ${error instanceof Error ? error.message : String(error)}`);
  }
}
function computeNumbers(batch, name, expression) {
  const numberAt = bindNumber(expression, batch);
  const numbers = new Float64Array(batch.length);
  for (let row = 0;row < numbers.length; row++)
    numbers[row] = numberAt(row);
  writeNumbers(batch, name, numbers);
}
function computeValues(batch, name, expression) {
  const valueAt = bindValue(expression, batch);
  const values = new Array(batch.length);
  for (let row = 0;row < values.length; row++)
    values[row] = valueAt(row);
  writeValues(batch, name, values);
}
function factorStep(field, target, factor, decimals) {
  return {
    apply(batch) {
      const source = batch.column(field)?.numbers();
      if (source === undefined)
        return;
      const numbers = new Float64Array(batch.length);
      if (decimals === undefined)
        for (let row = 0;row < numbers.length; row++)
          numbers[row] = source[row] * factor;
      else
        for (let row = 0;row < numbers.length; row++)
          numbers[row] = roundTo(source[row] * factor, decimals);
      writeNumbers(batch, target, numbers);
    }
  };
}

// plugins/enrichment/constants.ts
function constants(text) {
  return namedItems("constants", text).map(({ name, rest }) => {
    const value = scalar(rest);
    let column = [];
    let length = -1;
    return {
      apply(batch) {
        if (batch.length !== length) {
          length = batch.length;
          column = fill(value, length);
        }
        batch.addColumn(name, column);
      }
    };
  });
}
function scalar(text) {
  try {
    const value = JSON.parse(text);
    if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number") {
      return typeof value === "number" && String(value) !== text ? text : value;
    }
  } catch {}
  return text;
}
function fill(value, length) {
  if (typeof value === "number")
    return new Float64Array(length).fill(value);
  if (typeof value !== "string")
    return new Array(length).fill(value);
  const bytes = new TextEncoder().encode(value);
  const data = new Uint8Array(bytes.length * length);
  for (let row = 0;row < length; row++)
    data.set(bytes, row * bytes.length);
  return { type: "string", values: { offsets: Int32Array.from({ length: length + 1 }, (_unused, row) => row * bytes.length), data } };
}

// plugins/enrichment/lookup.ts
import { readFileSync, statSync } from "fs";

// plugins/common/json.ts
var LONG_DIGITS = /\d{16}/;
var INTEGER = /^-?\d+$/;
function parseJson(text) {
  return LONG_DIGITS.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}
function keepDigits(_key, value, context) {
  if (typeof value !== "number" || Number.isSafeInteger(value))
    return value;
  const source = context?.source;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

// plugins/enrichment/csv.ts
var NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
var FIELD = /(?:"(?<quoted>[^"]*(?:""[^"]*)*)"|(?<plain>[^",\r\n][^,\r\n]*)?)(?<end>,|\r?\n|$)/y;
function parseCsv(text) {
  const [header, ...lines] = readLines(text.replace(/^\uFEFF/, ""));
  if (header === undefined)
    throw new Error("the file is empty; a header line is required");
  const names = header.fields.map((field) => field.text);
  return lines.map(({ fields, line }) => {
    if (fields.length !== names.length) {
      throw new Error(`line ${line} has ${fields.length} fields; the header has ${names.length}`);
    }
    return Object.fromEntries(names.map((name, at) => [name, valueOf(fields[at])]));
  });
}
function* readLines(text) {
  const pattern = new RegExp(FIELD);
  let line = 1;
  while (pattern.lastIndex < text.length) {
    const fields = [];
    const first = line;
    for (let ended = false;!ended; ) {
      const match = pattern.exec(text);
      if (match === null)
        throw new Error(`line ${line}: a quote stands inside a field or is never closed`);
      const { quoted, plain, end } = match.groups;
      fields.push(quoted === undefined ? { text: plain ?? "", quoted: false } : { text: quoted.replaceAll('""', '"'), quoted: true });
      line += match[0].split(`
`).length - 1;
      ended = end !== ",";
    }
    const blank = fields.length === 1 && fields[0].text === "" && !fields[0].quoted;
    if (!blank)
      yield { fields, line: first };
  }
}
function valueOf({ text, quoted }) {
  if (quoted)
    return text;
  if (text === "")
    return null;
  if (text === "true" || text === "false")
    return text === "true";
  return NUMBER.test(text) ? parseJson(text) : text;
}

// plugins/enrichment/lookup.ts
var FILE_BYTES_MAX = 256 * 2 ** 20;

class Lookup {
  #options;
  #entries;
  #targets;
  constructor(options) {
    this.#options = options;
    const entries = readEntries(options.file);
    this.#entries = byKey(entries, options);
    this.#targets = chooseTargets(entries, options);
  }
  get size() {
    return this.#entries.size;
  }
  apply(batch) {
    const found = this.#find(batch);
    for (const { source, name } of this.#targets) {
      const values = new Array(batch.length);
      for (let row = 0;row < batch.length; row++)
        values[row] = this.#pick(found[row], source);
      writeValues(batch, name, values);
    }
  }
  #find(batch) {
    const found = new Array(batch.length).fill(undefined);
    const column = batch.column(this.#options.key);
    for (let row = 0;row < batch.length; row++) {
      const key = column === undefined ? undefined : column.string(row) ?? keyText(column.get(row));
      found[row] = key === undefined ? undefined : this.#entries.get(key);
      if (found[row] === undefined && this.#options.onMissing === "reject" && batch.isLive(row)) {
        batch.reject(row, `${this.#options.key}: ${show(column?.get(row))} is not in the look-up table`);
      }
    }
    return found;
  }
  #pick(entry, source) {
    if (entry !== undefined)
      return entry[source];
    return this.#options.onMissing === "null" ? null : undefined;
  }
}
function keyText(value) {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : undefined;
}
function readEntries(file) {
  const { size } = statSync(file);
  if (size > FILE_BYTES_MAX)
    throw new Error(`look-up table ${file} has ${size} bytes; at most ${FILE_BYTES_MAX} are allowed`);
  const text = readFileSync(file, "utf8");
  try {
    if (file.endsWith(".csv"))
      return parseCsv(text);
    if (file.endsWith(".json"))
      return parseArray(text);
  } catch (error) {
    throw new Error(`look-up table ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new Error(`look-up table ${file} has an unknown ending; .csv and .json are allowed`);
}
function parseArray(text) {
  const parsed = parseJson(text);
  if (!Array.isArray(parsed))
    throw new Error(`it holds ${show(parsed)}; an array of objects is required`);
  for (const entry of parsed) {
    if (typeof entry !== "object" || entry === null || Array.isArray(entry))
      throw new Error(`${show(entry)} is no object`);
  }
  return parsed;
}
function byKey(entries, { file, tableKey }) {
  const map = new Map;
  for (const entry of entries) {
    const value = Object.hasOwn(entry, tableKey) ? entry[tableKey] : undefined;
    const key = typeof value === "string" ? value : keyText(value);
    if (key === undefined)
      throw new Error(`look-up table ${file}: the entry ${show(entry)} has no key "${tableKey}"`);
    if (map.has(key))
      throw new Error(`look-up table ${file}: the key ${show(key)} appears twice`);
    map.set(key, entry);
  }
  return map;
}
function chooseTargets(entries, { file, fields, tableKey }) {
  const known = new Set(entries.flatMap((entry) => Object.keys(entry)));
  const wanted = splitItems(fields).map((item) => {
    const { name, rest } = cutAtColon(item);
    return { source: name, name: rest?.trim() || name };
  });
  for (const { source } of wanted) {
    if (!known.has(source))
      throw new Error(`look-up table ${file} has no field "${source}"; it has ${[...known].join(", ")}`);
  }
  if (wanted.length > 0)
    return wanted;
  return [...known].filter((name) => name !== tableKey).map((name) => ({ source: name, name }));
}

// plugins/common/time.ts
var MINUTE_MS = 60000;
var HOUR_MS = 3600000;
var DAY_MS = 86400000;
var EPOCH_MS_MAX = 8000000000000000;
function timeReader(column, unitMs) {
  if (column.type === "timestamp")
    return (row) => bounded(column.number(row));
  if (column.type === "string" || column.type === "dictionary")
    return (row) => parseBytes(column.bytes(row));
  return (row) => {
    const number = column.number(row);
    return Number.isNaN(number) ? parseBytes(column.bytes(row)) : bounded(number * unitMs);
  };
}
function bounded(ms) {
  return Math.abs(ms) <= EPOCH_MS_MAX ? ms : Number.NaN;
}
function parseBytes(bytes) {
  return bytes === undefined ? Number.NaN : parseTime(bytes);
}
function parseTime(bytes) {
  const length = bytes.length;
  if (length < 10 || bytes[4] !== 45 || bytes[7] !== 45)
    return Number.NaN;
  const day = dayNumber(digits(bytes, 0, 4), digits(bytes, 5, 2), digits(bytes, 8, 2));
  if (length === 10 || Number.isNaN(day))
    return day * DAY_MS;
  const separator = bytes[10];
  if (separator !== 84 && separator !== 116 && separator !== 32 || length < 16 || bytes[13] !== 58)
    return Number.NaN;
  const hour = digits(bytes, 11, 2);
  const minute = digits(bytes, 14, 2);
  if (!(hour <= 23 && minute <= 59))
    return Number.NaN;
  const start = day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS;
  return length > 16 && bytes[16] === 58 ? start + secondsAndZone(bytes, 17) : start + zone(bytes, 16);
}
function secondsAndZone(bytes, from) {
  const second = digits(bytes, from, 2);
  if (!(second <= 59))
    return Number.NaN;
  let at = from + 2;
  let fraction = 0;
  if (bytes[at] === 46 || bytes[at] === 44) {
    const first = ++at;
    for (let scale = 100;at < bytes.length && isDigit(bytes[at]); at++, scale /= 10) {
      if (scale >= 1)
        fraction += (bytes[at] - 48) * scale;
    }
    if (at === first)
      return Number.NaN;
  }
  return second * 1000 + fraction + zone(bytes, at);
}
function zone(bytes, at) {
  if (at === bytes.length)
    return 0;
  const sign = bytes[at];
  if (sign === 90 || sign === 122)
    return at + 1 === bytes.length ? 0 : Number.NaN;
  if (sign !== 43 && sign !== 45)
    return Number.NaN;
  const colon = bytes[at + 3] === 58 ? 1 : 0;
  if (at + 5 + colon !== bytes.length)
    return Number.NaN;
  const hour = digits(bytes, at + 1, 2);
  const minute = digits(bytes, at + 3 + colon, 2);
  if (!(hour <= 23 && minute <= 59))
    return Number.NaN;
  const offset = hour * HOUR_MS + minute * MINUTE_MS;
  return sign === 43 ? -offset : offset;
}
function digits(bytes, from, count) {
  let number = 0;
  for (let at = from;at < from + count; at++) {
    const byte = bytes[at];
    if (byte === undefined || !isDigit(byte))
      return Number.NaN;
    number = number * 10 + (byte - 48);
  }
  return number;
}
function isDigit(byte) {
  return byte >= 48 && byte <= 57;
}
function dayNumber(year, month, day) {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)))
    return Number.NaN;
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}
function daysInMonth(year, month) {
  if (month === 2)
    return year % 4 === 0 && year % 100 !== 0 || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

// plugins/enrichment/time-parts.ts
var DAY_OF_EPOCH = 3;
var PARTS = {
  year: (ms) => new Date(ms).getUTCFullYear(),
  quarter: (ms) => Math.floor(new Date(ms).getUTCMonth() / 3) + 1,
  month: (ms) => new Date(ms).getUTCMonth() + 1,
  day: (ms) => new Date(ms).getUTCDate(),
  hour: (ms) => Math.floor(remainder(ms, DAY_MS) / 3600000),
  minute: (ms) => Math.floor(remainder(ms, 3600000) / 60000),
  second: (ms) => Math.floor(remainder(ms, 60000) / 1000),
  weekday: (ms) => remainder(Math.floor(ms / DAY_MS) + DAY_OF_EPOCH, 7) + 1
};
function remainder(value, divisor) {
  return value - Math.floor(value / divisor) * divisor;
}
function timeParts(field, parts, unitMs) {
  const chosen = splitItems(parts).map((part) => {
    const compute = Object.hasOwn(PARTS, part) ? PARTS[part] : undefined;
    if (compute === undefined)
      throw new Error(`parameter time_parts: "${part}" is no part; allowed: ${Object.keys(PARTS).join(", ")}`);
    return { name: `${field}_${part}`, compute };
  });
  return {
    apply(batch) {
      const column = batch.column(field);
      if (column === undefined)
        return;
      const timeAt = timeReader(column, unitMs);
      const times = Float64Array.from({ length: batch.length }, (_unused, row) => timeAt(row));
      for (const { name, compute } of chosen)
        writeNumbers(batch, name, times.map(compute));
    }
  };
}

// plugins/enrichment/index.ts
var params = {
  factor: param.number("multiplies the numeric field"),
  field: param.string("the field that factor works on", { default: "amount" }),
  target: param.string("where the product goes; the same field when left out"),
  decimals: param.integer("rounds the product to so many decimals, half away from zero", { min: 0, max: DECIMALS_MAX }),
  constants: param.string("field:value;\u2026 for every record; values are JSON numbers, true, false, null, or text", { default: "" }),
  lookup: param.path("table to look records up in: .csv with a header, or .json with an array of objects"),
  lookup_key: param.string("the record's field that holds the key"),
  lookup_table_key: param.string("the table's column that holds the key; the same name as lookup_key when left out"),
  lookup_fields: param.string("columns to take, column:new_name to rename; all when left out", { default: "" }),
  on_missing: param.choice("a record whose key is not in the table: fields are null, left alone, or the record is rejected", ["null", "skip", "reject"], { default: "null" }),
  time_field: param.string("field with a time: ISO 8601 text or a number since the epoch"),
  time_parts: param.string("parts that become fields TIME_FIELD_PART, in UTC: year;quarter;month;day;hour;minute;second;weekday", { default: "year;month;hour;weekday" }),
  time_unit: param.choice("what numbers in time_field count", ["ms", "s"], { default: "ms" }),
  compute: param.string('field:expression;\u2026 with + - * / %, parentheses, fields, numbers, "texts" and functions', { default: "" })
};
var steps = [];
var enrichment_default = definePlugin({
  info: {
    name: "enrichment",
    version: "1.0.0",
    description: "Adds factors, constants, look-ups, time parts and computed fields to records"
  },
  params,
  init(context) {
    steps = makeSteps(context.params);
  },
  processBatch(batch) {
    for (const step of steps)
      step.apply(batch);
  },
  cleanup() {
    steps = [];
  }
});
function makeSteps(values) {
  const steps = [];
  if (values.factor !== undefined) {
    steps.push(factorStep(values.field, values.target ?? values.field, values.factor, values.decimals));
  }
  steps.push(...constants(values.constants));
  if (values.lookup !== undefined)
    steps.push(makeLookup(values.lookup, values));
  if (values.time_field !== undefined) {
    steps.push(timeParts(values.time_field, values.time_parts, values.time_unit === "s" ? 1000 : 1));
  }
  return [...steps, ...computeSteps(values.compute)];
}
function makeLookup(file, values) {
  if (values.lookup_key === undefined)
    throw new Error("parameter lookup is set without lookup_key: the record's field is required");
  return new Lookup({
    file,
    key: values.lookup_key,
    tableKey: values.lookup_table_key ?? values.lookup_key,
    fields: values.lookup_fields,
    onMissing: values.on_missing
  });
}
export {
  enrichment_default as default
};
