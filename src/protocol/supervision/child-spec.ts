/**
 * What a supervisor knows of a child: a name, when to start it again, how to stop it. The terms are OTP's. What the
 * child is (a process, an actor, a fake in a test) is the business of whoever carries the effects out.
 */

/** permanent: always started again. transient: after an abnormal exit only. temporary: never. */
export type Restart = "permanent" | "transient" | "temporary";

/** Milliseconds between being asked to stop and being killed, or killed at once, or asked and waited for without end. */
export type Shutdown = { readonly timeoutMs: number } | "brutal_kill" | "infinity";

export interface ChildSpec {
  readonly id: string;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
}

/**
 * normal: the child had done its work. crash: anything else that another try may cure. refused: the child said that it
 * can never run as it is (a wrong parameter, say); starting it again would only hide that.
 */
export interface ExitReason {
  readonly kind: "normal" | "crash" | "refused";
  /** For people: exit code, signal, the child's own words. */
  readonly detail: string;
}
