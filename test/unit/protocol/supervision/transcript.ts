/**
 * Golden transcripts: a text file of settings and inputs (`@ms input …`), each input followed by the effects it had
 * (indented). `run` replays the inputs and writes the text anew; equal text is a passed test.
 *
 *   child ID permanent|transient|temporary MS|brutal_kill|infinity [significant] [supervisor]
 *   limits MAX_RESTARTS PERIOD_MS DELAY_MS_PER_FAILURE [together] [STRATEGY] [any_significant|all_significant]
 *   rule MATCH restart|stop|escalate
 *   @MS start | started ID | exited ID normal|crash|refused|ignored [CODE] | stop | abort | tick
 *   @MS start_child ID [RESTART SHUTDOWN …] | terminate_child ID | restart_child ID | delete_child ID
 */
import {
  type AutoShutdown,
  type ChildSpec,
  type ExitReason,
  type FailureRule,
  type Restart,
  type Shutdown,
  type Strategy,
  Supervisor,
  type SupervisorEffect,
  type SupervisorInput,
} from "../../../../src/protocol/supervision/index.ts";

const STRATEGIES: readonly Strategy[] = ["one_for_all", "rest_for_one", "simple_one_for_one"];
const AUTO_SHUTDOWNS: readonly AutoShutdown[] = ["any_significant", "all_significant"];

export function run(text: string): string {
  const specs: ChildSpec[] = [];
  const rules: FailureRule[] = [];
  let limits: readonly string[] = [];
  let supervisor: Supervisor | undefined;
  const written: string[] = [];
  const asked: string[] = [];
  for (const line of text.split("\n").filter((each) => !each.startsWith("  "))) {
    written.push(line);
    const words = line.split(" ");
    if (words[0] === "child") specs.push(specOf(words.slice(1)));
    if (words[0] === "limits") limits = words.slice(1);
    if (words[0] === "rule") rules.push({ match: words[1]!, decision: words[2] as FailureRule["decision"] });
    if (!line.startsWith("@")) continue;
    supervisor ??= supervisorOf(specs, limits, rules);
    const effects = supervisor.step(inputOf(supervisor, words.slice(1), asked), Number(words[0]!.slice(1)));
    for (const effect of effects) written.push(`  ${textOf(effect, asked)}`);
    if (supervisor.nextDeadlineMs !== undefined) written.push(`  deadline @${supervisor.nextDeadlineMs}`);
  }
  return written.join("\n");
}

function specOf([id, restart, shutdown, ...more]: readonly string[]): ChildSpec {
  const timeoutMs = Number(shutdown);
  return {
    id: id!,
    restart: restart as Restart,
    shutdown: Number.isNaN(timeoutMs) ? (shutdown as Shutdown) : { timeoutMs },
    significant: more.includes("significant"),
    type: more.includes("supervisor") ? "supervisor" : "worker",
  };
}

function supervisorOf(specs: readonly ChildSpec[], limits: readonly string[], onFailure: FailureRule[]): Supervisor {
  const [maxRestarts, restartPeriodMs, delayMs] = limits.map(Number);
  return new Supervisor(specs, {
    maxRestarts: maxRestarts!,
    restartPeriodMs: restartPeriodMs!,
    restartDelayMs: (failures) => failures * delayMs!,
    startup: limits.includes("together") ? "together" : "one_by_one",
    strategy: STRATEGIES.find((each) => limits.includes(each)) ?? "one_for_one",
    autoShutdown: AUTO_SHUTDOWNS.find((each) => limits.includes(each)) ?? "never",
    onFailure,
  });
}

/** Inputs name the current incarnation unless they say `ID#N`. `asked` remembers the requests: each one's number is its place. */
function inputOf(supervisor: Supervisor, words: readonly string[], asked: string[]): SupervisorInput {
  const [type, name = "", kind, code] = words;
  const [id = "", number] = name.split("#");
  const current = supervisor.states().find((each) => each.id === id)?.incarnation ?? 0;
  const incarnation = number === undefined ? current : Number(number);
  if (type === "started") return { type, id, incarnation };
  const reason: ExitReason = {
    kind: (kind ?? "crash") as ExitReason["kind"],
    detail: kind ?? "",
    ...(code && { code }),
  };
  if (type === "exited") return { type, id, incarnation, reason };
  if (!type?.endsWith("_child")) return { type: type as "start" | "stop" | "abort" | "tick" };
  const request = asked.push(`${type} ${id}`) - 1;
  if (type === "start_child") return { type, request, child: kind === undefined ? id : specOf(words.slice(1)) };
  return { type: type as "terminate_child" | "restart_child" | "delete_child", request, id };
}

function textOf(effect: SupervisorEffect, asked: readonly string[]): string {
  if (effect.type === "spawn") return `spawn ${effect.id}#${effect.incarnation}`;
  if (effect.type === "terminate") return `${effect.how} ${effect.id}#${effect.incarnation}`;
  if (effect.type === "reply") {
    const detail = effect.detail === undefined ? "" : ` (${effect.detail})`;
    return `reply to ${asked[effect.request]}: ${effect.result}${detail}`;
  }
  if (effect.type === "auto_shutdown") return `auto_shutdown ${effect.id}`;
  return effect.type === "escalate" ? `escalate ${effect.id}: ${effect.reason}` : effect.type;
}
