/**
 * Lists in pages. A cursor is opaque to callers: it holds the key of the last item they have seen, and where that stood in case it
 * is gone by now. A list that changes between two pages loses nothing that was there all the time and shows nothing twice.
 */
import { Failure } from "../../base/errors.ts";
import { type Fields, noFields } from "./fields.ts";
import { CURSOR_CHARS_MAX, PAGE_ITEMS, PAGE_ITEMS_MAX } from "./limits.ts";
import type { Paged } from "./types.ts";

interface Cursor {
  /** Of the last item that was told. */
  readonly key: string | number;
  /** How many were told before and with it. */
  readonly at: number;
}

export interface PageQuestion {
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface Page {
  readonly output: unknown;
  readonly next: string | undefined;
}

/** Takes `limit` and `cursor` out of the query's fields. Fails with `rpc.bad_request`. */
export function pageQuestion(fields: Fields): PageQuestion {
  const { limit: given = PAGE_ITEMS, cursor } = fields;
  delete fields.limit;
  delete fields.cursor;
  const limit = Number(given);
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_ITEMS_MAX) {
    const message = `limit is ${JSON.stringify(given)}; a whole number from 1 to ${PAGE_ITEMS_MAX} is required`;
    throw new Failure("rpc.bad_request", message);
  }
  if (cursor !== undefined && (typeof cursor !== "string" || cursor.length > CURSOR_CHARS_MAX)) throw noCursor();
  return { limit, cursor };
}

/** What the method is asked, beside what the caller has said. */
export function pageInput(paged: Paged, { limit, cursor }: PageQuestion): Fields {
  const input = noFields();
  if (paged.kind === "cursor") return Object.assign(input, { limit }, cursor !== undefined && { cursor });
  const read = cursor === undefined ? undefined : readCursor(cursor);
  if (paged.kind === "after") return Object.assign(input, { limit }, read && { after: read.key });
  if (paged.kind === "offset") {
    return Object.assign(input, { limit: Math.min(limit, paged.limitMax), offset: read?.at ?? 0 });
  }
  return paged.kind === "from" ? Object.assign(input, { from: read?.at ?? 0 }) : input;
}

/** The page out of what the method has answered. */
export function pageOf(paged: Paged, question: PageQuestion, output: unknown): Page {
  const told = output as Fields; // a method of the table gives an object with the list in it
  const all = told[paged.items] as readonly Fields[];
  if (paged.kind === "cursor") {
    const { [paged.next]: next, ...rest } = told;
    return withNext(rest, paged.items, all, next as string | undefined); // a text, says the method's schema
  }
  if (paged.kind === "offset") {
    const { [paged.next]: at, ...rest } = told;
    return withNext(rest, paged.items, all, typeof at === "number" ? writeCursor({ key: "", at }) : undefined);
  }
  if (paged.kind === "after") {
    const last = all.at(-1);
    const next = told.more === true && last ? writeCursor({ key: keyOf(last, paged.key), at: 0 }) : undefined;
    return withNext(told, paged.items, all, next);
  }
  const { limit, cursor } = question;
  if (paged.kind === "from") {
    const at = (cursor === undefined ? 0 : readCursor(cursor).at) + Math.min(limit, all.length);
    const isMore = at < Number(told[paged.total]) && all.length > 0;
    return withNext(told, paged.items, all.slice(0, limit), isMore ? writeCursor({ key: "", at }) : undefined);
  }
  const start = cursor === undefined ? 0 : startOf(all, paged.key, readCursor(cursor));
  const items = all.slice(start, start + limit);
  const at = start + items.length;
  const isMore = at < all.length && items.length > 0;
  const next = isMore ? writeCursor({ key: keyOf(items.at(-1)!, paged.key), at }) : undefined;
  return withNext(told, paged.items, items, next);
}

/** The same address with another cursor, for `Link: <…>; rel="next"`. */
export function nextLink(path: string, query: string, limit: number, next: string): string {
  const fields = new URLSearchParams(query);
  fields.set("limit", String(limit));
  fields.set("cursor", next);
  return `<${path}?${fields}>; rel="next"`;
}

function withNext(told: Fields, name: string, items: readonly Fields[], next: string | undefined): Page {
  return { output: { ...told, [name]: items, ...(next !== undefined && { next_cursor: next }) }, next };
}

function startOf(all: readonly Fields[], key: string, cursor: Cursor): number {
  const found = all.findIndex((item) => keyOf(item, key) === cursor.key);
  return found === -1 ? Math.min(cursor.at, all.length) : found + 1;
}

function keyOf(item: Fields, key: string): string | number {
  const value = item[key];
  return typeof value === "number" ? value : String(value);
}

function writeCursor({ key, at }: Cursor): string {
  return Buffer.from(JSON.stringify([key, at])).toString("base64url");
}

function readCursor(text: string): Cursor {
  const [key, at] = parsed(text);
  const isKey = typeof key === "string" || Number.isSafeInteger(key);
  if (!isKey || !Number.isSafeInteger(at) || (at as number) < 0) throw noCursor(); // checked just here
  return { key: key as string | number, at: at as number };
}

function parsed(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function noCursor(): Failure {
  return new Failure("rpc.bad_request", "cursor is none that was given out here; leave it out to begin anew");
}
