/**
 * Micro-benchmark of wire/batch: records per second of one core for each step that a record goes through, and for the
 * way from NDJSON to NDJSON past a stage that reads two fields and adds one. Run: bun scripts/bench/batch.ts [seconds].
 */
import { seededRandom } from "../../src/base/random.ts";
import {
  ByteWriter,
  parseNdjson,
  type RecordBatch,
  readBatch,
  sizeOfBatch,
  writeBatch,
  writeNdjson,
} from "../../src/wire/batch/index.ts";

const ROWS = 4096;
const secondsPerStep = Number(process.argv[2] ?? 0.5);
const meta = { id: "bench@0", timeMs: 0, line: 1 };

function orders(rows: number, optionalFields: boolean): Uint8Array {
  const random = seededRandom(1);
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    const order: Record<string, unknown> = {
      id: 1_000_000 + row,
      ordered_at: new Date(1.7e12 + row * 977).toISOString(),
      customer: `customer-${random.below(5000)}`,
      country: ["DE", "FR", "US", "JP"][random.below(4)],
      product: `p-${random.below(300)}`,
      quantity: 1 + random.below(9),
      amount: random.below(100_000) / 100,
      currency: "EUR",
      paid: random.below(2) === 1,
    };
    if (optionalFields && random.below(3) === 0) delete order.country;
    if (optionalFields && random.below(3) === 0) order.coupon = "SPRING";
    lines.push(JSON.stringify(order));
  }
  return Buffer.from(`${lines.join("\n")}\n`);
}

function measure(name: string, rows: number, step: () => unknown): void {
  const deadline = performance.now() + secondsPerStep * 1000;
  let best = Number.POSITIVE_INFINITY;
  let runs = 0;
  while (performance.now() < deadline || runs < 5) {
    const from = performance.now();
    step();
    best = Math.min(best, performance.now() - from);
    runs++;
  }
  const perRecord = (best * 1e6) / rows;
  console.log(
    `${name.padEnd(52)} ${(1000 / perRecord).toFixed(2).padStart(7)} M records/s  ${perRecord.toFixed(0).padStart(5)} ns`,
  );
}

/** Reads two numeric columns and adds one. */
function stage(batch: RecordBatch): void {
  const quantity = batch.column("quantity")!.numbers();
  const amount = batch.column("amount")!.numbers();
  const total = new Float64Array(batch.length);
  for (let row = 0; row < total.length; row++) total[row] = Math.round(quantity[row]! * amount[row]! * 100) / 100;
  batch.addColumn("total", total);
}

const text = orders(ROWS, false);
const varied = orders(ROWS, true);
const writer = new ByteWriter();
const slot = new Uint8Array(4 << 20);
const parse = (bytes: Uint8Array): RecordBatch => parseNdjson(bytes, meta).batch;
console.log(`${ROWS} records of ${Math.round(text.length / ROWS)} bytes a batch, best of each step's runs`);

measure("JSON.parse of each line, JSON.stringify back", ROWS, () => {
  const lines = Buffer.from(text).toString().trimEnd().split("\n");
  return lines.map((line) => {
    const record = JSON.parse(line);
    record.total = record.quantity * record.amount;
    return JSON.stringify(record);
  });
});
measure("parse", ROWS, () => parse(text));
measure("parse, fields that come and go", ROWS, () => parse(varied));
measure("parse and write unchanged", ROWS, () => {
  writer.clear();
  writeNdjson(parse(text), writer);
});
measure("NDJSON to NDJSON, read 2 columns, add 1", ROWS, () => {
  const batch = parse(text);
  stage(batch);
  writer.clear();
  writeNdjson(batch, writer);
});
measure("the same, fields that come and go", ROWS, () => {
  const batch = parse(varied);
  stage(batch);
  writer.clear();
  writeNdjson(batch, writer);
});
measure("the same, with row views", ROWS, () => {
  const batch = parse(text);
  for (const row of batch) row.total = (row.quantity as number) * (row.amount as number);
  writer.clear();
  writeNdjson(batch, writer);
});

const parsed = parse(text);
stage(parsed);
const used = writeBatch(parsed, slot);
const envelope = slot.slice(0, used);
const source = parse(text);
console.log(`envelope: ${Math.round(used / ROWS)} bytes a record`);
measure("envelope write", ROWS, () => {
  source.revision++;
  sizeOfBatch(source);
  return writeBatch(source, slot);
});
measure("envelope read", ROWS, () => readBatch(envelope));
measure("envelope read, read 2 columns, add 1, write", ROWS, () => {
  const batch = readBatch(envelope);
  stage(batch);
  sizeOfBatch(batch);
  return writeBatch(batch, slot);
});
measure("envelope read, filter half by a column, write", ROWS, () => {
  const batch = readBatch(envelope);
  const amount = batch.column("amount")!.numbers();
  for (let row = 0; row < amount.length; row++) if (amount[row]! < 500) batch.drop(row);
  sizeOfBatch(batch);
  return writeBatch(batch, slot);
});
for (const name of ["country", "product", "customer", "ordered_at"]) {
  const words = new Map<string, number>();
  measure(`envelope read, count rows by ${name}`, ROWS, () => {
    words.clear();
    const column = readBatch(envelope).column(name)!;
    for (let row = 0; row < column.length; row++) {
      const word = column.string(row)!;
      words.set(word, (words.get(word) ?? 0) + 1);
    }
  });
}
measure("envelope read, each row as text", ROWS, () => {
  const batch = readBatch(envelope);
  let length = 0;
  for (let row = 0; row < batch.length; row++) length += batch.json(row).length;
  return length;
});
measure("envelope read, each row as a record", ROWS, () => {
  const batch = readBatch(envelope);
  for (let row = 0; row < batch.length; row++) batch.record(row);
});
measure("envelope read, write as NDJSON", ROWS, () => {
  writer.clear();
  writeNdjson(readBatch(envelope), writer);
});
