/**
 * Whether two outputs say the same. Every record is compared, by a digest that depends neither on the order of fields nor on
 * how a number is written; the sums are compared with a tolerance, because not everybody adds in the same way.
 */
import { closeSync, openSync, readSync } from "node:fs";

export interface Content {
  readonly records: number;
  readonly totalSum: number;
  /** Sum of the records' digests; the second without the field `email_sha256`. */
  readonly digest: bigint;
  readonly digestWithoutHash: bigint;
  readonly groups: ReadonlyMap<string, { readonly orders: number; readonly totalSum: number }>;
}

type Fields = Record<string, unknown>;

const CHUNK_BYTES = 4 * 1024 * 1024;
const NEWLINE = 10;
const MODULUS = 2n ** 64n;
const TOLERANCE = 1e-9;

export function contentOf(path: string): Content {
  const groups = new Map<string, { orders: number; totalSum: number }>();
  let records = 0;
  let totalSum = 0;
  let digest = 0n;
  let digestWithoutHash = 0n;
  for (const line of linesOf(path)) {
    const record = JSON.parse(line) as Fields;
    if (!("order_id" in record)) {
      const sum = { orders: Number(record.orders), totalSum: Number(record.total_sum) };
      groups.set(`${record.category},${record.country}`, sum);
      continue;
    }
    records++;
    totalSum += Number(record.total);
    const { email_sha256, ...others } = record;
    const rest = digestOf(others);
    digestWithoutHash += rest;
    digest += rest ^ BigInt(Bun.hash(String(email_sha256)));
  }
  return {
    records,
    totalSum,
    digest: digest % MODULUS,
    digestWithoutHash: digestWithoutHash % MODULUS,
    groups,
  };
}

/** In words, what differs from the reference; empty when nothing does. */
export function differences(reference: Content, other: Content, lacksHash: boolean): string[] {
  const found: string[] = [];
  if (other.records !== reference.records) found.push(`${other.records} records, not ${reference.records}`);
  if (!close(other.totalSum, reference.totalSum)) {
    found.push(`the sum of totals is ${other.totalSum}, not ${reference.totalSum}`);
  }
  const same = lacksHash ? other.digestWithoutHash === reference.digestWithoutHash : other.digest === reference.digest;
  if (!same) found.push("some records differ");
  if (other.groups.size !== reference.groups.size) {
    found.push(`${other.groups.size} groups, not ${reference.groups.size}`);
  }
  for (const [key, { orders, totalSum }] of reference.groups) {
    const group = other.groups.get(key);
    if (!group || group.orders !== orders || !close(group.totalSum, totalSum)) found.push(`group ${key} differs`);
  }
  return found;
}

function digestOf(record: Fields): bigint {
  return BigInt(Bun.hash(JSON.stringify(record, Object.keys(record).sort())));
}

function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
}

function* linesOf(path: string): Generator<string> {
  const fd = openSync(path, "r");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const bytes = readSync(fd, buffer, 0, buffer.length, position);
    const end = buffer.subarray(0, bytes).lastIndexOf(NEWLINE) + 1;
    if (end === 0) break;
    yield* buffer.toString("utf8", 0, end - 1).split("\n");
    position += end;
  }
  closeSync(fd);
}
