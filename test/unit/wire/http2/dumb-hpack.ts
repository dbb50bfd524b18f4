/** A second, dumber HPACK decoder: bit strings, arrays that are copied, one clause after the other of RFC 7541. For comparison only. */
import { STATIC_ENTRIES } from "../../../../src/wire/http2/hpack/static-table.ts";

const STATIC = STATIC_ENTRIES.slice(1).map(({ name, value }): [string, string] => [name, value]);

export class DumbDecoder {
  table: [string, string][] = [];
  max: number;

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  }

  /** `huffman`: code by bit string, as text. */
  decode(bytes: readonly number[], huffman: ReadonlyMap<string, number>): [string, string][] {
    const fields: [string, string][] = [];
    let rest = [...bytes];
    const bit = (byte: number): string => byte.toString(2).padStart(8, "0");
    const integer = (prefix: number): number => {
      const first = rest.shift()! % 2 ** prefix;
      if (first < 2 ** prefix - 1) return first;
      let [value, factor] = [first, 1];
      for (;;) {
        const next = rest.shift();
        if (next === undefined) throw new Error("ends within a number");
        value += (next % 128) * factor;
        factor *= 128;
        if (next < 128) return value;
      }
    };
    const string = (): string => {
      const isHuffman = rest[0]! >= 128;
      const length = integer(7);
      const taken = rest.slice(0, length);
      if (taken.length < length) throw new Error("string too long");
      rest = rest.slice(length);
      if (!isHuffman) return String.fromCharCode(...taken);
      let [text, code] = ["", ""];
      for (const digit of taken.map(bit).join("")) {
        code += digit;
        const symbol = huffman.get(code);
        if (symbol === undefined) continue;
        text += String.fromCharCode(symbol);
        code = "";
      }
      if (code.length > 7 || code.includes("0")) throw new Error("bad padding");
      return text;
    };
    const entry = (index: number): [string, string] => {
      const found = index === 0 ? undefined : [...STATIC, ...this.table][index - 1];
      if (found === undefined) throw new Error("no such index");
      return found;
    };
    const shrink = (): void => {
      while (this.size > this.max) this.table = this.table.slice(0, -1);
    };
    while (rest.length > 0) {
      const first = bit(rest[0]!);
      if (first.startsWith("1")) fields.push(entry(integer(7)));
      else if (first.startsWith("001")) {
        this.max = integer(5);
        shrink();
      } else {
        const isKept = first.startsWith("01");
        const index = integer(isKept ? 6 : 4);
        const name = index === 0 ? string() : entry(index)[0];
        const field: [string, string] = [name, string()];
        fields.push(field);
        if (!isKept) continue;
        this.table = [field, ...this.table];
        shrink();
      }
    }
    return fields;
  }
}
