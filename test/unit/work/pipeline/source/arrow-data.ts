/** Arrow IPC bytes as apache-arrow writes them, and the rows as it reads them. */
import {
  DateMillisecond,
  Dictionary,
  Float64,
  Int32,
  makeBuilder,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Table,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";

export interface ArrowRow {
  readonly id: number;
  readonly name: string | null;
  readonly city: string;
  readonly amount: number;
}

const CITIES = ["Berlin", "Zürich", "Oslo"];

export function arrowRows(from: number, to: number): ArrowRow[] {
  return Array.from({ length: to - from }, (_, i) => {
    const id = from + i;
    return { id, name: id % 5 ? `n${id}` : null, city: CITIES[id % 3]!, amount: id / 4 };
  });
}

/** One record batch per entry of `sizes`; `city` is a dictionary. */
export function arrowBytes(sizes: readonly number[], form: "stream" | "legacy" | "file"): Uint8Array {
  const options = { writeLegacyIpcFormat: form === "legacy" };
  const writer = form === "file" ? new RecordBatchFileWriter() : new RecordBatchStreamWriter(options);
  const table = tableOf(
    arrowRows(
      0,
      sizes.reduce((sum, size) => sum + size, 0),
    ),
  );
  let from = 0;
  for (const size of sizes) {
    for (const batch of table.slice(from, from + size).batches) writer.write(batch);
    from += size;
  }
  return writer.finish().toUint8Array(true);
}

export function readArrowRows(bytes: Uint8Array): ArrowRow[] {
  return tableFromIPC(bytes)
    .toArray()
    .map((row) => ({ ...row.toJSON() }) as ArrowRow);
}

const cities = new Dictionary(new Utf8(), new Int32(), 1);

function tableOf(rows: readonly ArrowRow[]): Table {
  const city = makeBuilder({ type: cities, nullValues: [null] });
  for (const row of rows) city.append(row.city);
  return new Table({
    id: vectorFromArray(
      rows.map((row) => row.id),
      new Int32(),
    ),
    name: vectorFromArray(
      rows.map((row) => row.name),
      new Utf8(),
    ),
    city: city.finish().toVector(),
    amount: vectorFromArray(
      rows.map((row) => row.amount),
      new Float64(),
    ),
    day: vectorFromArray(
      rows.map((row) => new Date(row.id * 86_400_000)),
      new DateMillisecond(),
    ),
  });
}
