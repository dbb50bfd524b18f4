// @bun
// plugins/aggregation/index.ts
import { definePlugin, param } from "distributed-system";

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

// plugins/aggregation/keys.ts
var NUL = "\x00";
var DECODER = new TextDecoder;
function keyAt(column, row) {
  const text = column?.string(row);
  if (text !== undefined)
    return text.startsWith(NUL) ? NUL + text : text;
  const value = column?.get(row);
  if (typeof value === "object" && value !== null)
    return `${NUL}${DECODER.decode(column.bytes(row))}`;
  return value;
}
function valueOfKey(key) {
  if (typeof key !== "string" || !key.startsWith(NUL))
    return key;
  return key.startsWith(NUL + NUL) ? key.slice(1) : parseJson(key.slice(1));
}
function encodeKey(key) {
  if (key === undefined)
    return "u";
  if (key === null)
    return "z";
  if (typeof key === "string")
    return `s${key}`;
  return `${typeof key === "bigint" ? "i" : typeof key === "number" ? "n" : "b"}${key}`;
}
function decodeKey(text) {
  const rest = text.slice(1);
  switch (text[0]) {
    case "u":
      return;
    case "z":
      return null;
    case "i":
      return BigInt(rest);
    case "n":
      return Number(rest);
    case "b":
      return rest === "true";
    default:
      return rest;
  }
}

// plugins/aggregation/distinct.ts
var EXACT_MAX = 1024;
var INDEX_BITS = 12;
var REGISTERS = 1 << INDEX_BITS;
var RANK_BITS = 32;
var SEEDS = [2654435761, 2246822519];

class Distinct {
  #keys = new Set;
  #registers = new Uint8Array(0);
  add(key) {
    if (key === undefined || key === null)
      return;
    if (this.#keys === undefined)
      return this.#hash(key);
    this.#keys.add(key);
    if (this.#keys.size <= EXACT_MAX)
      return;
    const keys = this.#keys;
    this.#keys = undefined;
    this.#registers = new Uint8Array(REGISTERS);
    for (const each of keys)
      this.#hash(each);
  }
  count() {
    return this.#keys === undefined ? Math.round(estimate(this.#registers)) : this.#keys.size;
  }
  #hash(key) {
    const text = encodeKey(key);
    const index = Bun.hash.xxHash32(text, SEEDS[0]) >>> 32 - INDEX_BITS;
    const rank = Math.clz32(Bun.hash.xxHash32(text, SEEDS[1])) + 1;
    if (rank > this.#registers[index])
      this.#registers[index] = rank;
  }
  snapshot() {
    if (this.#keys !== undefined)
      return { keys: Array.from(this.#keys, encodeKey) };
    return { registers: this.#registers.toBase64() };
  }
  static restore(state) {
    const distinct = new Distinct;
    distinct.#keys = state.keys && new Set(state.keys.map(decodeKey));
    if (state.registers !== undefined)
      distinct.#registers = Uint8Array.fromBase64(state.registers);
    return distinct;
  }
}
function estimate(registers) {
  const counts = new Uint32Array(RANK_BITS + 2);
  for (const register of registers)
    counts[register]++;
  let z = REGISTERS * tau(1 - counts[RANK_BITS + 1] / REGISTERS);
  for (let rank = RANK_BITS;rank >= 1; rank--)
    z = 0.5 * (z + counts[rank]);
  z += REGISTERS * sigma(counts[0] / REGISTERS);
  return REGISTERS ** 2 / (2 * Math.LN2 * z);
}
function sigma(share) {
  if (share === 1)
    return Number.POSITIVE_INFINITY;
  let sum = share;
  for (let power = share, weight = 1, before = -1;sum !== before; weight *= 2) {
    before = sum;
    power *= power;
    sum += power * weight;
  }
  return sum;
}
function tau(share) {
  if (share === 0 || share === 1)
    return 0;
  let sum = 1 - share;
  for (let root = share, weight = 0.5, before = -1;sum !== before; weight *= 0.5) {
    before = sum;
    root = Math.sqrt(root);
    sum -= (1 - root) ** 2 * weight;
  }
  return sum / 3;
}

// plugins/aggregation/moments.ts
class Moments {
  #count = 0;
  #sum = 0;
  #lost = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  add(value) {
    if (Number.isNaN(value))
      return;
    const sum = this.#sum + value;
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
    this.#count++;
    if (value < this.#min)
      this.#min = value;
    if (value > this.#max)
      this.#max = value;
  }
  sum() {
    return this.#count === 0 ? null : this.#sum + this.#lost;
  }
  mean() {
    return this.#count === 0 ? null : (this.#sum + this.#lost) / this.#count;
  }
  min() {
    return this.#count === 0 ? null : this.#min;
  }
  max() {
    return this.#count === 0 ? null : this.#max;
  }
  snapshot() {
    return this.#count === 0 ? null : [this.#count, this.#sum, this.#lost, this.#min, this.#max];
  }
  static restore(state) {
    const moments = new Moments;
    if (state !== null)
      [moments.#count, moments.#sum, moments.#lost, moments.#min, moments.#max] = state;
    return moments;
  }
}

// plugins/aggregation/quantiles.ts
var EXACT_MAX2 = 512;
var ACCURACY = 0.005;
var GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
var LOG_GAMMA = Math.log(GAMMA);
var BUCKETS_MAX = 4096;

class Quantiles {
  #values = [];
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #zeros = 0;
  #positive = new Map;
  #negative = new Map;
  add(value) {
    if (Number.isNaN(value))
      return;
    if (this.#values === undefined)
      return this.#sketch(value);
    this.#values.push(value);
    if (this.#values.length <= EXACT_MAX2)
      return;
    const values = this.#values;
    this.#values = undefined;
    for (const each of values)
      this.#sketch(each);
  }
  quantile(share) {
    if (this.#values === undefined)
      return this.#estimate(share);
    const sorted = this.#values.toSorted((a, b) => a - b);
    return sorted[rankOf(share, sorted.length)] ?? null;
  }
  #sketch(value) {
    this.#count++;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    if (value === 0)
      this.#zeros++;
    else
      countIn(value > 0 ? this.#positive : this.#negative, Math.ceil(Math.log(Math.abs(value)) / LOG_GAMMA));
  }
  #estimate(share) {
    let left = rankOf(share, this.#count);
    for (const [bucket, count] of inOrder(this.#negative, -1)) {
      left -= count;
      if (left < 0)
        return this.#clamp(-middleOf(bucket));
    }
    left -= this.#zeros;
    if (left < 0)
      return 0;
    for (const [bucket, count] of inOrder(this.#positive, 1)) {
      left -= count;
      if (left < 0)
        return this.#clamp(middleOf(bucket));
    }
    return this.#max;
  }
  #clamp(value) {
    return Math.min(this.#max, Math.max(this.#min, value));
  }
  snapshot() {
    if (this.#values !== undefined)
      return { values: this.#values };
    return {
      count: this.#count,
      min: this.#min,
      max: this.#max,
      zeros: this.#zeros,
      positive: inOrder(this.#positive, 1),
      negative: inOrder(this.#negative, 1)
    };
  }
  static restore(state) {
    const quantiles = new Quantiles;
    quantiles.#values = state.values && [...state.values];
    quantiles.#count = state.count ?? 0;
    quantiles.#min = state.min ?? Number.POSITIVE_INFINITY;
    quantiles.#max = state.max ?? Number.NEGATIVE_INFINITY;
    quantiles.#zeros = state.zeros ?? 0;
    quantiles.#positive = new Map(state.positive);
    quantiles.#negative = new Map(state.negative);
    return quantiles;
  }
}
function rankOf(share, count) {
  return Math.min(count - 1, Math.max(0, Math.ceil(share * count - 0.000000001) - 1));
}
function middleOf(bucket) {
  return 2 * GAMMA ** bucket / (GAMMA + 1);
}
function inOrder(buckets, direction) {
  return [...buckets].sort(([a], [b]) => (a - b) * direction);
}
function countIn(buckets, bucket) {
  const before = buckets.get(bucket);
  buckets.set(bucket, (before ?? 0) + 1);
  if (before !== undefined || buckets.size <= BUCKETS_MAX)
    return;
  const [[lowest, count], [next, nextCount]] = inOrder(buckets, 1);
  buckets.delete(lowest);
  buckets.set(next, nextCount + count);
}

// plugins/aggregation/aggregates.ts
var FUNCTIONS = "count, sum:FIELD, min:FIELD, max:FIELD, mean:FIELD, pNN:FIELD, distinct:FIELD";
function planAggregates(text) {
  const trackers = [];
  const slotOf = (kind, field) => {
    const slot = trackers.findIndex((each) => each.kind === kind && each.field === field);
    return slot >= 0 ? slot : trackers.push({ kind, field }) - 1;
  };
  const aggregates = splitItems(text).map((item) => planOne(item, slotOf));
  if (aggregates.length === 0)
    throw new Error(`parameter aggregates is empty; allowed: ${FUNCTIONS}`);
  return { trackers, aggregates };
}
function planOne(item, slotOf) {
  const { name, rest } = cutAtColon(item);
  if (name === "count" && rest === undefined)
    return { name, read: (group) => group.rows };
  const field = rest?.trim() ?? "";
  const share = shareOf(name);
  const known = share !== undefined || ["sum", "min", "max", "mean", "distinct"].includes(name);
  if (!known || field === "")
    throw new Error(`parameter aggregates: "${item}" is no function of a field; allowed: ${FUNCTIONS}`);
  const result = `${name}_${field}`;
  if (share !== undefined) {
    const slot = slotOf("quantiles", field);
    return { name: result, read: (group) => group.trackers[slot].quantile(share) };
  }
  if (name === "distinct") {
    const slot = slotOf("distinct", field);
    return { name: result, read: (group) => group.trackers[slot].count() };
  }
  const slot = slotOf("moments", field);
  const read = name;
  return { name: result, read: (group) => group.trackers[slot][read]() };
}
function shareOf(name) {
  const match = /^p(\d{1,2}(?:\.\d{1,3})?)$/.exec(name);
  return match === null ? undefined : Number(match[1]) / 100;
}
function newTrackers(plan) {
  return plan.trackers.map(({ kind }) => kind === "moments" ? new Moments : kind === "quantiles" ? new Quantiles : new Distinct);
}
function accumulate(plan, batch, groups) {
  for (const group of groups)
    if (group !== undefined)
      group.rows++;
  plan.trackers.forEach(({ kind, field }, slot) => {
    const column = batch.column(field);
    if (column === undefined)
      return;
    if (kind === "distinct")
      addKeys(column, groups, slot);
    else
      addNumbers(column.numbers(), groups, slot);
  });
}
function addNumbers(numbers, groups, slot) {
  for (let row = 0;row < groups.length; row++) {
    const group = groups[row];
    if (group !== undefined)
      group.trackers[slot].add(numbers[row]);
  }
}
function addKeys(column, groups, slot) {
  for (let row = 0;row < groups.length; row++) {
    const group = groups[row];
    if (group !== undefined)
      group.trackers[slot].add(keyAt(column, row));
  }
}
function restoreTrackers(plan, states) {
  return plan.trackers.map(({ kind }, slot) => {
    const state = states[slot];
    if (kind === "moments")
      return Moments.restore(state);
    return kind === "quantiles" ? Quantiles.restore(state) : Distinct.restore(state);
  });
}

// plugins/aggregation/window.ts
class Window {
  start;
  groups = [];
  #root = new Map;
  constructor(start) {
    this.start = start;
  }
  find(keys) {
    let level = this.#root;
    for (let at = 0;at < keys.length - 1; at++) {
      const next = level.get(keys[at]);
      if (next === undefined)
        return;
      level = next;
    }
    return level.get(keys.at(-1));
  }
  add(group) {
    this.groups.push(group);
    this.#link(group);
  }
  truncate(length) {
    this.groups.length = length;
    this.#root = new Map;
    for (const group of this.groups)
      this.#link(group);
  }
  #link(group) {
    let level = this.#root;
    for (const key of group.keys.slice(0, -1)) {
      const next = level.get(key) ?? new Map;
      level.set(key, next);
      level = next;
    }
    level.set(group.keys.at(-1), group);
  }
}

// plugins/aggregation/aggregator.ts
function tooManyGroups(groupsMax) {
  return `a record opens group number ${groupsMax + 1} of all open windows; at most ${groupsMax} are allowed: raise max_groups, ` + "group by fields with fewer values, or make windows shorter";
}

class Aggregator {
  #options;
  #windows = new Map;
  #position = 0;
  #watermark = Number.NEGATIVE_INFINITY;
  #openGroups = 0;
  #nextEnd = Number.POSITIVE_INFINITY;
  #grown = new Map;
  constructor(options) {
    this.#options = options;
  }
  get openGroups() {
    return this.#openGroups;
  }
  add(batch, timeAt) {
    const saved = this.#save();
    const into = { groups: new Array(batch.length).fill(undefined), closed: [], late: [], refused: [] };
    try {
      this.#assign(batch, timeAt, into);
    } catch (error) {
      this.#putBack(saved);
      throw error;
    }
    if (batch.probe)
      this.#putBack(saved);
    else
      accumulate(this.#options.plan, batch, into.groups);
    return { closed: batch.probe ? [] : into.closed, late: into.late, refused: into.refused };
  }
  open() {
    return [...this.#windows.values()].sort((a, b) => a.start - b.start);
  }
  #assign(batch, timeAt, into) {
    const columns = this.#options.groupBy.map((field) => batch.column(field));
    const keys = new Array(columns.length);
    let window;
    for (let row = 0;row < batch.length; row++) {
      if (!batch.isLive(row))
        continue;
      const position = this.#positionOf(row, timeAt);
      const start = this.#startOf(position);
      if (!(start + this.#options.size > this.#watermark)) {
        into.late.push(row);
        continue;
      }
      if (window === undefined || window.start !== start)
        window = this.#window(start);
      for (let at = 0;at < columns.length; at++)
        keys[at] = keyAt(columns[at], row);
      const group = window.find(keys) ?? this.#newGroup(window, keys);
      if (group === undefined)
        into.refused.push(row);
      else
        into.groups[row] = group;
      this.#advance(position);
      if (this.#watermark >= this.#nextEnd) {
        into.closed.push(...this.#closeBehindWatermark());
        window = undefined;
      }
    }
  }
  #positionOf(row, timeAt) {
    if (this.#options.by === "time")
      return timeAt(row);
    return this.#options.by === "count" ? this.#position++ : 0;
  }
  #startOf(position) {
    const { by, size } = this.#options;
    return by === "all" ? 0 : Math.floor(position / size) * size;
  }
  #advance(position) {
    const { by, latenessMs } = this.#options;
    if (by === "time")
      this.#watermark = Math.max(this.#watermark, position - latenessMs);
    else if (by === "count")
      this.#watermark = position + 1;
  }
  #window(start) {
    const open = this.#windows.get(start);
    if (open !== undefined)
      return open;
    const window = new Window(start);
    this.#windows.set(start, window);
    this.#nextEnd = Math.min(this.#nextEnd, start + this.#options.size);
    return window;
  }
  #newGroup(window, keys) {
    const { groupsMax, onFull, plan } = this.#options;
    if (this.#openGroups >= groupsMax) {
      if (onFull === "reject")
        return;
      throw new Error(tooManyGroups(groupsMax));
    }
    this.#openGroups++;
    if (!this.#grown.has(window))
      this.#grown.set(window, window.groups.length);
    const group = { keys: [...keys], rows: 0, trackers: newTrackers(plan) };
    window.add(group);
    return group;
  }
  #closeBehindWatermark() {
    const { size } = this.#options;
    const closing = [...this.#windows.values()].filter(({ start }) => start + size <= this.#watermark);
    for (const window of closing) {
      this.#windows.delete(window.start);
      this.#openGroups -= window.groups.length;
    }
    this.#nextEnd = this.#firstEnd();
    return closing.sort((a, b) => a.start - b.start);
  }
  #firstEnd() {
    let first = Number.POSITIVE_INFINITY;
    for (const start of this.#windows.keys())
      first = Math.min(first, start + this.#options.size);
    return first;
  }
  #save() {
    this.#grown.clear();
    const windows = new Map(this.#windows);
    return { windows, position: this.#position, watermark: this.#watermark, openGroups: this.#openGroups };
  }
  #putBack(saved) {
    this.#windows = saved.windows;
    this.#position = saved.position;
    this.#watermark = saved.watermark;
    this.#openGroups = saved.openGroups;
    this.#nextEnd = this.#firstEnd();
    for (const [window, length] of this.#grown)
      window.truncate(length);
  }
  snapshot() {
    return {
      config: this.#config(),
      position: this.#position,
      watermark: Number.isFinite(this.#watermark) ? this.#watermark : null,
      windows: Array.from(this.#windows.values(), ({ start, groups }) => ({
        start,
        groups: groups.map(({ keys, rows, trackers }) => ({
          keys: keys.map(encodeKey),
          rows,
          trackers: trackers.map((tracker) => tracker.snapshot())
        }))
      }))
    };
  }
  restore(state) {
    if (state.config !== this.#config()) {
      throw new Error(`the checkpoint holds groups made with ${state.config}, this stage has ${this.#config()}; ` + "start over (--fresh) after changing grouping, windows or aggregates");
    }
    this.#position = state.position;
    this.#watermark = state.watermark ?? Number.NEGATIVE_INFINITY;
    this.#windows = new Map(state.windows.map((each) => [each.start, this.#restoreWindow(each)]));
    this.#openGroups = state.windows.reduce((sum, { groups }) => sum + groups.length, 0);
    this.#nextEnd = this.#firstEnd();
  }
  #restoreWindow({ start, groups }) {
    const window = new Window(start);
    for (const { keys, rows, trackers } of groups) {
      window.add({ keys: keys.map(decodeKey), rows, trackers: restoreTrackers(this.#options.plan, trackers) });
    }
    return window;
  }
  #config() {
    const { plan, groupBy, by, size, latenessMs } = this.#options;
    return JSON.stringify([groupBy, plan.aggregates.map(({ name }) => name), by, by === "all" ? 0 : size, latenessMs]);
  }
}

// plugins/aggregation/index.ts
var WINDOW_MS_MAX = 36525 * 86400000;
var params = {
  group_by: param.string("fields whose values make a group: a;b; nothing for one group of all records", { default: "" }),
  aggregates: param.string("count;sum:FIELD;min:FIELD;max:FIELD;mean:FIELD;p50:FIELD;p99.9:FIELD;distinct:FIELD", { default: "count" }),
  window_count: param.integer("a window is so many records", { min: 1 }),
  window: param.duration("a window is so long in event time; needs time_field. Neither: one window, the whole input", { min: 1, max: WINDOW_MS_MAX }),
  time_field: param.string("field with the event time: ISO 8601 text or a number since the epoch"),
  time_unit: param.choice("what numbers in time_field count", ["ms", "s"], { default: "ms" }),
  lateness: param.duration("how far behind the latest time seen a record may come and still be counted", { default: 0 }),
  on_late: param.choice("records that come later still, or have no time: go on uncounted, are dropped, or rejected", ["keep", "drop", "reject"], { default: "keep" }),
  mode: param.choice("pass: records go on and summaries are added; replace: only summaries go on", ["pass", "replace"], { default: "pass" }),
  max_groups: param.integer("most groups open at a time", { default: 1e5, min: 1 }),
  on_full: param.choice("a record that needs one group more: fails the batch, or is rejected", ["fail", "reject"], { default: "fail" }),
  summary_field: param.string("field of a summary that holds the stage's name; empty for none", { default: "summary" })
};
var aggregator;
var options;
var aggregation_default = definePlugin({
  info: {
    name: "aggregation",
    version: "1.0.0",
    description: "Groups records over tumbling windows and appends a summary of each group"
  },
  params,
  init(context) {
    options = readOptions(context.params);
    aggregator = new Aggregator(options);
  },
  processBatch(batch, context) {
    const { closed, late, refused } = aggregator.add(batch, timeOf(batch, context.params));
    for (const row of late)
      treatLate(batch, row, context.params);
    for (const row of refused)
      batch.reject(row, tooManyGroups(context.params.max_groups));
    if (context.params.mode === "replace")
      batch.filter(() => false);
    for (const window of closed)
      appendSummaries(batch, window, context.params, context.stage);
  },
  finish(batch, context) {
    for (const window of aggregator.open())
      appendSummaries(batch, window, context.params, context.stage);
  },
  snapshot() {
    return { ...aggregator.snapshot() };
  },
  restore(snapshot) {
    aggregator.restore(snapshot);
  },
  cleanup() {
    aggregator = undefined;
    options = undefined;
  }
});
function readOptions(values) {
  const { window_count: count, window, time_field: timeField } = values;
  if (count !== undefined && window !== undefined)
    throw new Error("window_count and window are both set; only one is allowed");
  if (window !== undefined && timeField === undefined)
    throw new Error("window is set without time_field: the event time is required");
  return {
    plan: planAggregates(values.aggregates),
    groupBy: splitItems(values.group_by),
    by: count !== undefined ? "count" : window !== undefined ? "time" : "all",
    size: count ?? window ?? Number.POSITIVE_INFINITY,
    latenessMs: values.lateness,
    groupsMax: values.max_groups,
    onFull: values.on_full
  };
}
function timeOf(batch, values) {
  const column = values.time_field === undefined ? undefined : batch.column(values.time_field);
  return column === undefined ? () => Number.NaN : timeReader(column, values.time_unit === "s" ? 1000 : 1);
}
function treatLate(batch, row, values) {
  if (values.on_late === "drop")
    batch.drop(row);
  if (values.on_late === "reject") {
    batch.reject(row, `${values.time_field}: the record has no time there, or its window has closed already`);
  }
}
function appendSummaries(batch, window, values, stage) {
  const { plan, groupBy } = options;
  for (const group of window.groups) {
    const summary = values.summary_field === "" ? {} : { [values.summary_field]: stage };
    describeWindow(summary, window);
    groupBy.forEach((field, at) => {
      const value = valueOfKey(group.keys[at]);
      if (value !== undefined)
        summary[field] = value;
    });
    for (const { name, read } of plan.aggregates)
      summary[name] = read(group);
    batch.append(summary);
  }
}
function describeWindow(summary, { start }) {
  const { by, size } = options;
  if (by === "all")
    return;
  summary["window_start"] = by === "time" ? new Date(start).toISOString() : start;
  summary["window_end"] = by === "time" ? new Date(start + size).toISOString() : start + size;
}
export {
  aggregation_default as default
};
