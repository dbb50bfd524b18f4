/**
 * Records seen as objects. A view has one accessor per field of the batch as own enumerable properties, so that
 * `row.amount`, `{ ...row }` and `JSON.stringify(row)` do what people expect, and reads are as quick as a call of the
 * column. Its prototype is a proxy that only sees what no accessor catches: fields set on the row for the first time.
 * No name is special: `__proto__`, `constructor` and `toString` are fields like any other, or undefined.
 */
import type { Column, Row, Value } from "../../sdk/index.ts";
import { MAX_VIEW_CLASSES, MAX_VIEW_FIELDS } from "./limits.ts";

/** What a view needs of its batch. */
export interface RowOwner {
  column(name: string): Column | undefined;
  set(row: number, name: string, value: Value | undefined): void;
  readonly columnNames: readonly string[];
  json(row: number): string;
}

/** The batch's columns by slot; the batch replaces an entry when a column is set or removed. */
export type Slots = readonly (Column | undefined)[];

class RowView {
  readonly #owner: RowOwner;
  readonly #slots: Slots;
  #row: number;

  constructor(owner: RowOwner, slots: Slots, row: number) {
    this.#owner = owner;
    this.#slots = slots;
    this.#row = row;
  }

  static move(view: RowView, row: number): void {
    view.#row = row;
  }

  static read(view: RowView, slot: number): Value | undefined {
    return view.#slots[slot]?.get(view.#row);
  }

  static write(view: RowView, name: string, value: Value | undefined): void {
    view.#owner.set(view.#row, name, value);
  }

  static readName(view: object, name: string): Value | undefined {
    return #owner in view ? view.#owner.column(name)?.get(view.#row) : undefined;
  }

  static names(view: RowView): readonly string[] {
    return view.#owner.columnNames;
  }

  static json(view: object): string | undefined {
    return #owner in view ? view.#owner.json(view.#row) : undefined;
  }

  static is(view: unknown): view is RowView {
    return typeof view === "object" && view !== null && #owner in view;
  }
}

/** Behind every view: reads and writes of names that have no accessor. */
const unknownFields = new Proxy(Object.create(null) as object, {
  get(_target, key, receiver: object) {
    if (key === Symbol.toPrimitive) return () => RowView.json(receiver) ?? "";
    return typeof key === "string" ? RowView.readName(receiver, key) : undefined;
  },
  set(_target, key, value: Value | undefined, receiver: unknown) {
    if (typeof key !== "string" || !RowView.is(receiver)) return false;
    RowView.write(receiver, key, value);
    return true;
  },
});
Reflect.deleteProperty(RowView.prototype, "constructor");
Object.setPrototypeOf(RowView.prototype, unknownFields);

type Accessors = readonly PropertyDescriptor[];

/** Accessors by list of names, shared by batches of the same shape. A memo: dropping it changes nothing. */
const accessorsOf = new Map<string, Accessors>();

function accessors(names: readonly string[]): Accessors {
  const key = JSON.stringify(names);
  let found = accessorsOf.get(key);
  if (!found) {
    found = names.map((name, slot) => ({
      enumerable: true,
      configurable: true,
      get(this: RowView) {
        return RowView.read(this, slot);
      },
      set(this: RowView, value: Value | undefined) {
        RowView.write(this, name, value);
      },
    }));
    const oldest = accessorsOf.size >= MAX_VIEW_CLASSES ? accessorsOf.keys().next() : undefined;
    if (oldest?.value !== undefined) accessorsOf.delete(oldest.value);
    accessorsOf.set(key, found);
  }
  return found;
}

/** Makes the views of one batch, whose columns are named `names` by slot. */
export class RowViews {
  readonly #owner: RowOwner;
  readonly #slots: Slots;
  readonly #names: readonly string[];
  readonly #accessors: Accessors | undefined;

  constructor(owner: RowOwner, slots: Slots, names: readonly string[]) {
    this.#owner = owner;
    this.#slots = slots;
    this.#names = names;
    this.#accessors = names.length <= MAX_VIEW_FIELDS ? accessors(names) : undefined;
  }

  view(row: number): Row {
    const view = new RowView(this.#owner, this.#slots, row);
    const found = this.#accessors;
    if (!found) return wideView(view);
    for (let slot = 0; slot < found.length; slot++) Object.defineProperty(view, this.#names[slot]!, found[slot]!);
    return view as unknown as Row; // its fields are accessors made at run time
  }
}

/** Points an existing view at another row. */
export function moveView(view: Row, row: number): void {
  const inner = wideViews.get(view) ?? (view as unknown);
  RowView.move(inner as RowView, row);
}

const wideViews = new WeakMap<object, RowView>();

/** A view of very many fields: each access is looked up by name. */
function wideView(inner: RowView): Row {
  const view = new Proxy(Object.create(null) as Row, {
    get: (_target, key) => Reflect.get(inner, key, inner) as Value | undefined,
    set: (_target, key, value) => Reflect.set(inner, key, value, inner),
    has: (_target, key) => typeof key === "string" && RowView.readName(inner, key) !== undefined,
    ownKeys: () => [...RowView.names(inner)],
    getOwnPropertyDescriptor: (_target, key) => ({
      enumerable: true,
      configurable: true,
      value: typeof key === "string" ? RowView.readName(inner, key) : undefined,
    }),
  });
  wideViews.set(view, inner);
  return view;
}
