/**
 * The gateway file's parser. Total: any text gives a plan and the list of everything wrong with it; a plan with faults is good for
 * showing, not for running. Files that lines name are looked for by the function that is handed in.
 */
import { nearMiss } from "../../../base/near-miss.ts";
import {
  convertParams,
  dropRepeated,
  type Fault,
  FaultCollector,
  isReadableLine,
  type Line,
  type LineContext,
  lineContext,
  MAX_FILE_BYTES,
  type ParamText,
  parseParams,
  quoted,
  type ResolvePath,
  type Span,
  splitLines,
  splitSpans,
  textOf,
  trimSpan,
} from "../../../work/lines/index.ts";
import type { GatewayPlan, LimitPlan, MaskPlan, RoutePlan, WafPlan } from "../words/index.ts";
import { checkAcross } from "./across.ts";
import { parseLimit, parseMask, parseWaf } from "./guard-lines.ts";
import { MAX_GUARDS, MAX_ROUTES } from "./limits.ts";
import { endOf, FAMILY } from "./option-reader.ts";
import { type LineReader, parseRoute } from "./route-line.ts";
import { type SettingValues, settingSchema, settingsOf } from "./settings.ts";

export interface ParsedGatewayFile {
  readonly plan: GatewayPlan;
  readonly faults: Fault[];
}

/** The first word of each line, and the line's form. */
export const lineForms = {
  route: "route|id|pattern|target|options",
  limit: "limit|key|limit|window|action|options",
  waf: "waf|rules|mode|options",
  mask: "mask|where|what|action|options",
  set: "set|key=value,…",
} as const;

const START = { line: 1, column: 1 };

/** Without `resolvePath` every file that is named is taken to be there. */
export function parseGatewayFile(
  text: string,
  fileName: string,
  resolvePath: ResolvePath = (path) => path,
): ParsedGatewayFile {
  const faults = new FaultCollector(fileName, FAMILY);
  const draft = new Draft(fileName, faults, resolvePath);
  const size = Buffer.byteLength(text);
  if (size > MAX_FILE_BYTES) {
    const message = `the file has ${size} bytes`;
    faults.add(START, "file", { code: "file_too_large", message, allowed: `at most ${MAX_FILE_BYTES} bytes` });
  } else {
    for (const [index, line] of splitLines(text).entries()) draft.addLine({ text: line, number: index + 1 });
  }
  return { plan: draft.finish(), faults: faults.list() };
}

class Draft {
  readonly #fileName: string;
  readonly #faults: FaultCollector;
  readonly #resolvePath: ResolvePath;
  readonly #routes: RoutePlan[] = [];
  readonly #limits: LimitPlan[] = [];
  readonly #wafs: WafPlan[] = [];
  readonly #masks: MaskPlan[] = [];
  readonly #settingTexts: ParamText[] = [];
  readonly #contexts = new Map<number, LineContext>();
  readonly #full = new Set<string>();

  constructor(fileName: string, faults: FaultCollector, resolvePath: ResolvePath) {
    this.#fileName = fileName;
    this.#faults = faults;
    this.#resolvePath = resolvePath;
  }

  addLine(line: Line): void {
    const whole = trimSpan(line.text, { start: 0, end: line.text.length });
    if (!isReadableLine(line, whole, this.#faults)) return;
    const spans = splitSpans(line.text, whole, "|");
    const context = lineContext(line, "line", this.#faults);
    this.#contexts.set(line.number, context);
    const reader: LineReader = {
      file: this.#fileName,
      resolvePath: this.#resolvePath,
      contextOf: (field) => lineContext(line, field, this.#faults),
    };
    this.#addByWord(textOf(line, spans[0]), spans, reader, context);
  }

  #addByWord(word: string, spans: readonly Span[], reader: LineReader, context: LineContext): void {
    switch (word) {
      case "route":
        return this.#push(this.#routes, MAX_ROUTES, word, context, () => parseRoute(spans, reader));
      case "limit":
        return this.#push(this.#limits, MAX_GUARDS, word, context, () =>
          parseLimit(spans, reader, this.#limits.length + 1),
        );
      case "waf":
        return this.#push(this.#wafs, MAX_GUARDS, word, context, () => parseWaf(spans, reader, this.#wafs.length + 1));
      case "mask":
        return this.#push(this.#masks, MAX_GUARDS, word, context, () =>
          parseMask(spans, reader, this.#masks.length + 1),
        );
      case "set":
        return this.#addSettings(spans, reader.contextOf("set"));
    }
    const message = `${quoted(word)} is no kind of line`;
    const allowed = Object.values(lineForms).join(", ");
    context.fault(spans[0]?.start ?? 0, {
      code: "unknown_line",
      message,
      allowed,
      suggestion: nearMiss(word, Object.keys(lineForms)),
    });
  }

  /** Says once that there are too many of a kind: every further line is too many as well. */
  #push<T>(list: T[], most: number, kind: string, context: LineContext, parse: () => T): void {
    if (list.length < most) list.push(parse());
    else if (!this.#full.has(kind)) {
      this.#full.add(kind);
      context.fault(0, {
        code: "too_many_lines",
        message: `more than ${most} ${kind} lines`,
        allowed: `at most ${most}`,
      });
    }
  }

  #addSettings(spans: readonly Span[], context: LineContext): void {
    const { line } = context;
    const extra = spans[2];
    if (extra) {
      const message = `a set line has two fields, this one has ${spans.length}`;
      context.fault(extra.start, {
        code: "too_many_fields",
        message,
        allowed: "set|key=value,…; write \\| for a | inside a value",
      });
    }
    const params = parseParams(spans[1] ?? endOf(line.text), context);
    if (params.length === 0 && !extra) {
      context.fault(spans[1]?.start ?? line.text.length, {
        code: "empty_set",
        message: "no setting on this line",
        allowed: "set|key=value,…",
      });
    }
    this.#settingTexts.push(...params);
  }

  finish(): GatewayPlan {
    const texts = dropRepeated(this.#settingTexts, "set", this.#faults);
    const place = { ...START, file: this.#fileName, family: FAMILY, field: "set", owner: "the gateway" };
    const { faults, values } = convertParams(texts, settingSchema, this.#resolvePath, place);
    this.#faults.addAll(faults);
    const defaults = convertParams([], settingSchema, this.#resolvePath, place).values;
    const plan: GatewayPlan = {
      fileName: this.#fileName,
      settings: settingsOf({ ...defaults, ...values } as unknown as SettingValues, this.#resolvePath), // converted by this schema
      routes: this.#routes,
      limits: this.#limits,
      wafs: this.#wafs,
      masks: this.#masks,
    };
    checkAcross(plan, texts, this.#contexts, this.#faults);
    return plan;
  }
}
