/** A master's pipelines and workers for people. Pure. */
import type { PipelineView, WorkerInfo } from "../../app/master/ask-master.ts";
import { printable } from "../../base/printable.ts";
import { formatCount } from "../../base/units.ts";
import { textTable } from "./table.ts";

export function pipelinesTable(pipelines: readonly PipelineView[]): string {
  const header = ["id", "pipeline", "state", "read", "written", "dead letters", "done", ""];
  return textTable(header, pipelines.map(pipelineRow));
}

function pipelineRow({ detail, id, readBytes, totalBytes, ...rest }: PipelineView): string[] {
  const share = readBytes === undefined || !totalBytes ? "" : `${Math.floor((100 * readBytes) / totalBytes)} %`;
  return [
    id,
    printable(rest.name),
    rest.state,
    formatCount(rest.read),
    formatCount(rest.written),
    formatCount(rest.deadLettered),
    share,
    printable(detail ?? ""),
  ];
}

export function workersTable(workers: readonly WorkerInfo[]): string {
  const rows = workers.map(({ capacity, cpu, id, isDraining, memory, queue }) => [
    printable(id),
    isDraining ? "draining" : "working",
    String(capacity),
    percent(cpu),
    percent(memory),
    queue === undefined ? "" : String(queue),
  ]);
  return textTable(["worker", "state", "capacity", "cpu", "memory", "batches"], rows);
}

function percent(share: number | undefined): string {
  return share === undefined ? "" : `${Math.round(share * 100)} %`;
}
