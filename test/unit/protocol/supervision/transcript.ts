/**
 * Golden transcripts: a text file of settings and inputs (`@ms input …`), each input followed by the effects it had
 * (indented). `run` replays the inputs and writes the text anew; equal text is a passed test.
 *
 *   child ID permanent|transient|temporary MS|brutal_kill|infinity
 *   limits MAX_RESTARTS PERIOD_MS DELAY_MS_PER_FAILURE [together]
 *   @MS start | started ID | exited ID normal|crash|refused | stop | abort | tick
 */
import {
  type ChildSpec,
  type ExitReason,
  type Restart,
  type Shutdown,
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
} from "../../../../src/protocol/supervision/index.ts";

export function run(text: string): string {
  const specs: ChildSpec[] = [];
  let limits: readonly string[] = [];
  let supervisor: Supervisor | undefined;
  const written: string[] = [];
  for (const line of text.split("\n").filter((each) => !each.startsWith("  "))) {
    written.push(line);
    const words = line.split(" ");
    if (words[0] === "child") specs.push(specOf(words));
    if (words[0] === "limits") limits = words.slice(1);
    if (!line.startsWith("@")) continue;
    supervisor ??= supervisorOf(specs, limits);
    const effects = supervisor.step(inputOf(supervisor, words.slice(1)), Number(words[0]!.slice(1)));
    for (const effect of effects) written.push(`  ${textOf(effect)}`);
    if (supervisor.nextDeadlineMs !== undefined) written.push(`  deadline @${supervisor.nextDeadlineMs}`);
  }
  return written.join("\n");
}

function specOf([, id, restart, shutdown]: readonly string[]): ChildSpec {
  const timeoutMs = Number(shutdown);
  return {
    id: id!,
    restart: restart as Restart,
    shutdown: Number.isNaN(timeoutMs) ? (shutdown as Shutdown) : { timeoutMs },
  };
}

function supervisorOf(specs: readonly ChildSpec[], limits: readonly string[]): Supervisor {
  const [maxRestarts, restartPeriodMs, delayMs] = limits.map(Number);
  return new Supervisor(specs, {
    maxRestarts: maxRestarts!,
    restartPeriodMs: restartPeriodMs!,
    restartDelayMs: (failures) => failures * delayMs!,
    startup: limits.includes("together") ? "together" : "one_by_one",
  });
}

/** Inputs name the current incarnation unless they say `ID#N`. */
function inputOf(supervisor: Supervisor, [type, name, kind]: readonly string[]): SupervisorInput {
  const [id, number] = (name ?? "").split("#");
  const incarnation =
    number === undefined ? supervisor.states().find((each) => each.id === id)?.incarnation : Number(number);
  if (type === "started") return { type, id: id!, incarnation: incarnation! };
  const reason: ExitReason = { kind: (kind ?? "crash") as ExitReason["kind"], detail: kind ?? "" };
  if (type === "exited") return { type, id: id!, incarnation: incarnation!, reason };
  return { type: type as "start" | "stop" | "abort" | "tick" };
}

function textOf(effect: SupervisorEffect): string {
  if (effect.type === "spawn") return `spawn ${effect.id}#${effect.incarnation}`;
  if (effect.type === "terminate") return `${effect.how} ${effect.id}#${effect.incarnation}`;
  return effect.type === "escalate" ? `escalate ${effect.id}: ${effect.reason}` : effect.type;
}
