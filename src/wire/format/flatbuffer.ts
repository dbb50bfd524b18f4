/**
 * The least of flatbuffers that reading Arrow's message headers needs: tables, scalars and table references. What points
 * outside of the bytes is a RangeError, never a read of something else.
 */
export class FlatBuffer {
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  root(): number {
    return this.#view.getUint32(0, true);
  }

  int16(table: number, field: number, absent = 0): number {
    const at = this.#field(table, field);
    return at === 0 ? absent : this.#view.getInt16(at, true);
  }

  uint8(table: number, field: number): number {
    const at = this.#field(table, field);
    return at === 0 ? 0 : this.#view.getUint8(at);
  }

  int64(table: number, field: number): bigint {
    const at = this.#field(table, field);
    return at === 0 ? 0n : this.#view.getBigInt64(at, true);
  }

  table(table: number, field: number): number {
    const at = this.#field(table, field);
    if (at === 0) throw new RangeError("a required table is missing");
    return at + this.#view.getUint32(at, true);
  }

  int32(table: number, field: number, absent = 0): number {
    const at = this.#field(table, field);
    return at === 0 ? absent : this.#view.getInt32(at, true);
  }

  has(table: number, field: number): boolean {
    return this.#field(table, field) !== 0;
  }

  /** Tables of a vector; none when it is absent. */
  tables(table: number, field: number): number[] {
    const { at, length } = this.#vector(table, field, 4);
    return Array.from({ length }, (_, i) => at + i * 4 + this.#view.getUint32(at + i * 4, true));
  }

  /** A vector of structs that are two 64-bit integers each. */
  pairs(table: number, field: number): [bigint, bigint][] {
    const { at, length } = this.#vector(table, field, 16);
    const pair = (i: number): [bigint, bigint] => [
      this.#view.getBigInt64(at + i * 16, true),
      this.#view.getBigInt64(at + i * 16 + 8, true),
    ];
    return Array.from({ length }, (_, i) => pair(i));
  }

  #vector(table: number, field: number, entryBytes: number): { at: number; length: number } {
    if (!this.has(table, field)) return { at: 0, length: 0 };
    const start = this.table(table, field);
    const length = this.#view.getUint32(start, true);
    if (start + 4 + length * entryBytes > this.#view.byteLength) throw new RangeError("a vector runs over the end");
    return { at: start + 4, length };
  }

  /** Place of a field's value, 0 when the table leaves it out. */
  #field(table: number, field: number): number {
    const vtable = table - this.#view.getInt32(table, true);
    const entry = 4 + field * 2;
    if (entry + 2 > this.#view.getUint16(vtable, true)) return 0;
    const offset = this.#view.getUint16(vtable + entry, true);
    return offset === 0 ? 0 : table + offset;
  }
}
