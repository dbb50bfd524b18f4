/**
 * HPACK's Huffman code (RFC 7541, appendix B). The code is canonical: symbols of one length have consecutive codes in their order, and
 * so its lengths are all that has to be written down. Decoding goes four bits a step through a table of the code's states.
 */

/** Of the symbols 0 to 255; the end-of-string symbol has 30. */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const END_OF_STRING = 256;

const CODES = canonicalCodes();

function canonicalCodes(): Uint32Array {
  const codes = new Uint32Array(LENGTHS.length);
  let next = 0;
  for (let length = 1; length <= 30; length++) {
    next *= 2;
    LENGTHS.forEach((symbolLength, symbol) => {
      if (symbolLength === length) codes[symbol] = next++;
    });
  }
  return codes;
}

/*
 * A step of decoding: state × 16 + four bits → what comes out and the next state. Each code is at least five bits long, so a step
 * ends at most one symbol. Bits 0 to 7: the symbol; 8: there is one; 9: no code goes on like that (or it is end-of-string);
 * 10: what was read since the last symbol is padding, if the string ends here; from 11 on: the next state.
 */
const EMITS = 1 << 8;
const FAILS = 1 << 9;
const MAY_END = 1 << 10;
const STATE_SHIFT = 11;

const STEPS = stepTable();

/** The inner nodes of the code's tree: [child by 0, child by 1]; a leaf is -1 - symbol. */
function codeTree(): [number, number][] {
  const nodes: [number, number][] = [[0, 0]];
  LENGTHS.forEach((length, symbol) => {
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const way = ((CODES[symbol]! >>> bit) & 1) as 0 | 1;
      let next = nodes[node]![way];
      if (next === 0) {
        next = nodes.push([0, 0]) - 1;
        nodes[node]![way] = next;
      }
      node = next;
    }
    nodes[node]![(CODES[symbol]! & 1) as 0 | 1] = -1 - symbol;
  });
  return nodes;
}

/** Nodes that less than eight ones lead to: a string may end there. */
function endNodes(nodes: readonly [number, number][]): Set<number> {
  const ends = new Set([0]);
  for (let node = 0, ones = 0; ones < 7; ones++) {
    node = nodes[node]![1];
    ends.add(node);
  }
  return ends;
}

function stepTable(): Int32Array {
  const nodes = codeTree();
  const ends = endNodes(nodes);
  const steps = new Int32Array(nodes.length * 16);
  for (let state = 0; state < nodes.length; state++)
    for (let bits = 0; bits < 16; bits++) steps[state * 16 + bits] = stepOf(nodes, ends, state, bits);
  return steps;
}

function stepOf(nodes: readonly [number, number][], ends: ReadonlySet<number>, state: number, bits: number): number {
  let node = state;
  let out = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = nodes[node]![((bits >>> bit) & 1) as 0 | 1];
    if (node >= 0) continue;
    const symbol = -1 - node;
    if (symbol === END_OF_STRING) return FAILS;
    out |= EMITS | symbol;
    node = 0;
  }
  return out | (ends.has(node) ? MAY_END : 0) | (node << STATE_SHIFT);
}

/** Writes the decoded bytes into `into` (room for 8/5 of the input); gives back where they end, -1: it is no such code. */
export function huffmanDecode(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  let [state, end, step] = [0, 0, MAY_END];
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    step = STEPS[state * 16 + (byte >>> 4)]!;
    if (step & FAILS) return -1;
    if (step & EMITS) into[end++] = step;
    step = STEPS[(step >>> STATE_SHIFT) * 16 + (byte & 15)]!;
    if (step & FAILS) return -1;
    if (step & EMITS) into[end++] = step;
    state = step >>> STATE_SHIFT;
  }
  return step & MAY_END ? end : -1;
}

/** In bytes. Characters are bytes. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at++) bits += LENGTHS[text.charCodeAt(at) & 255]!;
  return (bits + 7) >>> 3;
}

/** Writes the code of the text from `at` on, where there is room for it; gives back where it ends. */
export function huffmanEncode(text: string, into: Uint8Array, at: number): number {
  let [end, held, count] = [at, 0, 0];
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index) & 255;
    const code = CODES[symbol]!;
    let left = LENGTHS[symbol]!;
    // At most seven bits are held, so 24 more fit beside them; the longest codes go in two parts.
    if (left > 24) {
      left -= 16;
      held = (held << 16) | (code >>> left);
      for (count += 16; count >= 8; count -= 8) into[end++] = held >>> (count - 8);
    }
    held = (held << left) | (code & ((1 << left) - 1));
    for (count += left; count >= 8; count -= 8) into[end++] = held >>> (count - 8);
  }
  if (count > 0) into[end++] = (held << (8 - count)) | (0xff >>> count);
  return end;
}
