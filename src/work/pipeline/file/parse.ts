/**
 * The pipeline file's parser. Total: any text gives a file and the list of everything wrong with it; a file with faults is
 * good for further checks, not for running. It knows the shape of the file; what a library's or an end's parameters may
 * be is said by schemas, see check.ts.
 */

import { basename } from "node:path";
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
  type Span,
  splitLines,
  splitSpans,
  textOf,
  trimSpan,
} from "../../lines/index.ts";
import { parseEnd } from "./end-line.ts";
import { MAX_STAGES } from "./limits.ts";
import { type Settings, settingConflicts, settingSchema } from "./settings.ts";
import { parseStage } from "./stage-line.ts";
import type { End, PipelineFile, StageSpec } from "./types.ts";

export interface ParsedPipelineFile {
  readonly file: PipelineFile;
  readonly faults: Fault[];
}

const START = { line: 1, column: 1 };

/** `fileName` is what faults call the file; its base name without ending names the pipeline. */
export function parsePipelineFile(text: string, fileName: string): ParsedPipelineFile {
  const faults = new FaultCollector(fileName);
  const draft = new Draft(faults);
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    const message = `the file has ${Buffer.byteLength(text)} bytes`;
    faults.add(START, "file", {
      code: "pipeline.config.file_too_large",
      message,
      allowed: `at most ${MAX_FILE_BYTES} bytes`,
    });
  } else {
    splitLines(text).forEach((line, index) => {
      draft.addLine(line, index + 1);
    });
  }
  return { file: draft.finish(fileName), faults: faults.list() };
}

/** The file as far as it has been read. */
class Draft {
  readonly #faults: FaultCollector;
  readonly #stages: StageSpec[] = [];
  readonly #settingTexts: ParamText[] = [];
  readonly #firstLineOf = new Map<string, number>();
  #source: End | undefined;
  #sink: End | undefined;
  #lineAfterSink = false;
  #hasTooManyStages = false;
  #isEmpty = true;

  constructor(faults: FaultCollector) {
    this.#faults = faults;
  }

  addLine(text: string, number: number): void {
    const whole = trimSpan(text, { start: 0, end: text.length });
    if (whole.start !== whole.end && text[whole.start] !== "#") this.#isEmpty = false;
    const line: Line = { text, number };
    if (!isReadableLine(line, whole, this.#faults)) return;
    const spans = splitSpans(text, whole, "|");
    if (textOf(line, spans[0]) === "set") this.#addSettings(line, spans);
    else this.#addStageOrEnd(line, spans);
  }

  finish(fileName: string): PipelineFile {
    if (this.#isEmpty) {
      const message = "the file has no stage";
      this.#faults.add(START, "file", {
        code: "pipeline.config.empty",
        message,
        allowed: "one line name|library|… for each stage",
      });
    }
    return {
      name: basename(fileName.replaceAll("\\", "/")).replace(/(?<=.)\.[^.]*$/, "") || "pipeline",
      fileName,
      ...(this.#source && { source: this.#source }),
      ...(this.#sink && { sink: this.#sink }),
      stages: this.#stages,
      settings: this.#settings(fileName),
    };
  }

  #addSettings(line: Line, spans: readonly Span[]): void {
    const context = this.#context(line, "set");
    const extra = spans[2];
    if (extra) {
      const message = `a set line has two fields, this one has ${spans.length}`;
      const allowed = "set|key=value,…; write \\| for a | inside a value; no stage can be called set";
      context.fault(extra.start, { code: "pipeline.config.too_many_fields", message, allowed });
    }
    const params = parseParams(spans[1] ?? { start: line.text.length, end: line.text.length }, context);
    if (params.length === 0 && !extra) {
      const at = spans[1]?.start ?? line.text.length;
      context.fault(at, {
        code: "pipeline.config.empty_set",
        message: "no setting on this line",
        allowed: "set|key=value,…",
      });
    }
    this.#settingTexts.push(...params);
  }

  #addStageOrEnd(line: Line, spans: readonly Span[]): void {
    const library = textOf(line, spans[1]);
    const role = /^(source|sink)\s*:/.exec(library)?.[1];
    if (role === "source" || role === "sink") this.#addEnd(role, line, spans);
    else this.#addStage(line, spans);
  }

  #addEnd(role: "source" | "sink", line: Line, spans: readonly Span[]): void {
    const context = this.#context(line, "parameters");
    const { end, enabled } = parseEnd(role, line, spans, context);
    this.#noteName(end.name, line, end.columns.name ?? 1);
    if (!enabled) return;
    const other = role === "source" ? this.#source : this.#sink;
    if (other) {
      const message = `a second ${role}; the first stands on line ${other.line}`;
      this.#faultAt(
        line,
        end.columns.library ?? 1,
        "library",
        `pipeline.config.second_${role}`,
        message,
        `one ${role}`,
      );
      return;
    }
    if (role === "source") this.#placeSource(end, line);
    else this.#sink = end;
  }

  #placeSource(end: End, line: Line): void {
    this.#source = end;
    const before = this.#stages[0] ?? this.#sink;
    if (!before) return;
    const message = `the source stands after ${quoted(before.name)} of line ${before.line}`;
    const allowed = "a source before every stage";
    this.#faultAt(line, end.columns.library ?? 1, "library", "pipeline.config.source_not_first", message, allowed);
  }

  #addStage(line: Line, spans: readonly Span[]): void {
    const stage = parseStage(line, spans, (field) => this.#context(line, field));
    this.#noteName(stage.name, line, stage.columns.name ?? 1);
    if (this.#sink && !this.#lineAfterSink) {
      this.#lineAfterSink = true;
      const message = `the sink stands before stage ${quoted(stage.name)} of line ${line.number}`;
      const place = { text: line.text, number: this.#sink.line };
      const allowed = "a sink after every stage";
      this.#faultAt(
        place,
        this.#sink.columns.library ?? 1,
        "library",
        "pipeline.config.sink_not_last",
        message,
        allowed,
      );
    }
    if (this.#stages.length < MAX_STAGES) this.#stages.push(stage);
    else this.#refuseStage(line);
  }

  /** Says so once: every further line is too many as well. */
  #refuseStage(line: Line): void {
    if (this.#hasTooManyStages) return;
    this.#hasTooManyStages = true;
    const message = `more than ${MAX_STAGES} stages`;
    this.#faultAt(line, 1, "name", "pipeline.config.too_many_stages", message, `at most ${MAX_STAGES} stages`);
  }

  #noteName(name: string, line: Line, column: number): void {
    const first = this.#firstLineOf.get(name);
    if (first === undefined) {
      this.#firstLineOf.set(name, line.number);
      return;
    }
    const message = `${quoted(name)} is already the name on line ${first}`;
    this.#faultAt(line, column, "name", "pipeline.config.duplicate_name", message, "a name of its own for each line");
  }

  #settings(fileName: string): Settings {
    const texts = dropRepeated(this.#settingTexts, "set", this.#faults);
    const place = { ...START, file: fileName, field: "set", owner: "the pipeline" };
    const { values, faults } = convertParams(texts, settingSchema, (path) => path, place);
    this.#faults.addAll(faults);
    const settings: Settings = { ...settingDefaults(), ...values };
    for (const { name, message, allowed } of settingConflicts(settings)) {
      const text = texts.find(({ key }) => key === name) ?? texts[0];
      const at = text ? { line: text.line, column: text.valueColumn } : START;
      this.#faults.add(at, `set.${name}`, { code: "pipeline.config.settings_conflict", message, allowed });
    }
    return settings;
  }

  #context(line: Line, field: string): LineContext {
    return lineContext(line, field, this.#faults);
  }

  #faultAt(line: Line, column: number, field: string, code: string, message: string, allowed: string): void {
    this.#faults.add({ line: line.number, column }, field, { code, message, allowed });
  }
}

function settingDefaults(): Settings {
  const place = { ...START, file: "", field: "set", owner: "the pipeline" };
  return convertParams([], settingSchema, (path) => path, place).values as unknown as Settings; // all have defaults
}
