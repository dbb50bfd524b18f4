/** Supervision trees of the processes on this machine: what runs, since when, how often it was restarted and why. */

import { formatBytes } from "../../../../base/units.ts";
import type { InstanceView, TreeView } from "../../words.ts";
import { restartAction, restartServiceAction, swapInInstanceAction } from "../logic/actions.ts";
import { age, duration } from "../logic/numbers.ts";
import { treePath } from "../logic/restart-marks.ts";
import { ACTIONS, ActionButton, Empty, numeric, Section, State, Table } from "../parts/bits.tsx";
import { useBoard } from "../state/board.ts";

export function Processes() {
  const { instances } = useBoard().overview;
  if (instances.length === 0) return <Empty>No processes are told of.</Empty>;
  return (
    <div class="stack trees">
      {instances.map((instance) => (
        <InstanceCard key={instance.pid} instance={instance} />
      ))}
    </div>
  );
}

function InstanceCard({ instance }: { readonly instance: InstanceView }) {
  const { command, isSelf, name, pid, tree } = instance;
  const title = (
    <>
      {command} <span class="mono">{name}</span>
    </>
  );
  const aside = (
    <span class="quiet">
      process {pid}
      {isSelf && ", this node"}
    </span>
  );
  return (
    <Section id={`instance-${pid}`} title={title} aside={aside}>
      <Table
        caption={`Processes of ${name}`}
        head={[
          "Name",
          "State",
          numeric("PID"),
          numeric("Up"),
          numeric("Restarts"),
          "Last exit",
          numeric("Memory"),
          numeric("CPU time"),
          ACTIONS,
        ]}
      >
        {rowsOf(instance, tree, treePath(pid, tree), 0)}
      </Table>
    </Section>
  );
}

function rowsOf(instance: InstanceView, tree: TreeView, path: string, depth: number): preact.JSX.Element[] {
  return [
    <TreeRow key={path} instance={instance} tree={tree} path={path} depth={depth} />,
    ...tree.children.flatMap((child) => rowsOf(instance, child, `${path}/${child.name}`, depth + 1)),
  ];
}

interface TreeRowProps {
  readonly instance: InstanceView;
  readonly tree: TreeView;
  readonly path: string;
  readonly depth: number;
}

function TreeRow({ instance, tree, path, depth }: TreeRowProps) {
  const { live, nowMs } = useBoard();
  const { cpuMs, detail, memoryBytes, name, pid, restarts, state, uptimeMs } = tree;
  const markedMs = live.marks.agoMs(path, nowMs);
  return (
    <tr class={markedMs === undefined ? undefined : "marked"}>
      <th scope="row">
        <span class={`branch depth-${Math.min(depth, 6)}`} aria-hidden="true" />
        <span class="unseen">level {depth + 1}: </span>
        {name}{" "}
        {detail !== undefined && (
          <span class="quiet sub" title={detail}>
            {detail}
          </span>
        )}
      </th>
      <td>
        <State state={state} />
      </td>
      <td class="number mono">{pid ?? ""}</td>
      <td class="number">{uptimeMs === undefined ? "" : age(uptimeMs)}</td>
      <td class={restarts > 0 ? "number warned" : "number"}>
        {restarts}
        {markedMs !== undefined && <span class="mark">↻ {age(markedMs)} ago</span>}
      </td>
      <td>
        <LastExit tree={tree} />
      </td>
      <td class="number">{memoryBytes === undefined ? "" : formatBytes(memoryBytes)}</td>
      <td class="number">{cpuMs === undefined ? "" : duration(cpuMs)}</td>
      <td class="actions">
        {instance.command === "run" && <Actions instance={instance} path={path} depth={depth} name={name} />}
        {instance.isSelf && SERVICE.test(path) && (
          <ActionButton action={restartServiceAction(name)} about={`Restart ${name} of process ${instance.pid}`}>
            Restart
          </ActionButton>
        )}
      </td>
    </tr>
  );
}

/** Of a run: its stages and their hosts can be restarted, and a stage can be given another plugin. */
function Actions({ instance, path, depth, name }: Omit<TreeRowProps, "tree"> & Pick<TreeView, "name">) {
  if (depth < STAGE_DEPTH) return null;
  const { pid } = instance;
  const inTree = path.slice(`${pid}`.length);
  const shown = inTree
    .split("/")
    .slice(1 + STAGE_DEPTH)
    .join("/");
  return (
    <>
      {depth === STAGE_DEPTH && (
        <ActionButton action={swapInInstanceAction(pid, name)} about={`Swap stage ${name} of process ${pid}`}>
          Swap
        </ActionButton>
      )}
      <ActionButton action={restartAction(pid, inTree, shown)} about={`Restart ${shown} of process ${pid}`}>
        Restart
      </ActionButton>
    </>
  );
}

/** Root, pipeline, stage. */
const STAGE_DEPTH = 2;
/** A service below those of a node: its contract restarts it, without a call that is lost. */
const SERVICE = /\/services\/[^/]+@[^/]+$/;

function LastExit({ tree: { lastExit } }: { readonly tree: TreeView }) {
  const { overview } = useBoard();
  if (!lastExit) return null;
  const { atMs, code, reason, signal } = lastExit;
  const how = signal ?? (code === null ? "" : `code ${code}`);
  return (
    <span class="exit" title={reason}>
      {age(overview.atMs - atMs)} ago: {[how, reason].filter(Boolean).join(", ")}
    </span>
  );
}
