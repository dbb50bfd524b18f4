/**
 * What a supervisor knows of a child: a name, when to start it again, how to stop it. The terms are OTP's. What the
 * child is (a process, an actor, a fake in a test) is the business of whoever carries the effects out.
 */

/** permanent: always started again. transient: after an abnormal exit only. temporary: never. */
export type Restart = "permanent" | "transient" | "temporary";

/** Milliseconds between being asked to stop and being killed, or killed at once, or asked and waited for without end. */
export type Shutdown = { readonly timeoutMs: number } | "brutal_kill" | "infinity";

export type ChildType = "worker" | "supervisor";

/** Plain data. It may carry more than this for its owner: what the machine does not know it leaves alone. */
export interface ChildSpec {
  readonly id: string;
  /** Default: permanent. */
  readonly restart?: Restart;
  /** Default: 5 s for a worker; infinity for a supervisor, which needs the time of all its children. */
  readonly shutdown?: Shutdown;
  /** Default: worker. */
  readonly type?: ChildType;
  /** Its end can end the supervisor, see `autoShutdown`. Default: false. */
  readonly significant?: boolean;
}

/** A spec with its defaults filled in. */
export type CompleteSpec = Required<ChildSpec>;

/** OTP's default for a worker: long enough to flush and close, short enough for a person who waits. */
const WORKER_SHUTDOWN_MS = 5_000;

export function completeSpec(spec: ChildSpec): CompleteSpec {
  const type = spec.type ?? "worker";
  const shutdown = type === "supervisor" ? "infinity" : { timeoutMs: WORKER_SHUTDOWN_MS };
  return { restart: "permanent", shutdown, significant: false, ...spec, type };
}

/**
 * normal: the child had done its work. crash: anything else that another try may cure. refused: the child said that it
 * can never run as it is (a wrong parameter, say); starting it again would only hide that. ignored: it said at its start
 * that it need not run (OTP's `ignore`); it counts as started.
 */
export interface ExitReason {
  readonly kind: "normal" | "crash" | "refused" | "ignored";
  /** For people: exit code, signal, the child's own words. */
  readonly detail: string;
  /** The error's class, a dotted code: what the rules of `onFailure` match. */
  readonly code?: string;
  /** Of a process, for display: how the kernel says that it ended. */
  readonly exitCode?: number | null;
  readonly signal?: string | null;
}
