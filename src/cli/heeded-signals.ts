/**
 * Signals that tell a command to do something and never end it, from its first moment on: what comes before it can be done is done as soon as it
 * can. Without a listener the system would end the process.
 */
type SignalName = "SIGHUP" | "SIGUSR1" | "SIGUSR2";

export type SignalDuties = Readonly<Partial<Record<SignalName, () => void>>>;

export class HeededSignals {
  readonly #early = new Set<SignalName>();
  #duties: SignalDuties | undefined;

  constructor(readonly names: readonly SignalName[]) {
    for (const name of names) process.on(name, () => this.#heed(name));
  }

  /** From now on. One that has no duty is heard and nothing else. */
  serve(duties: SignalDuties): void {
    this.#duties = duties;
    for (const name of this.#early) this.#heed(name);
    this.#early.clear();
  }

  #heed(name: SignalName): void {
    if (this.#duties) this.#duties[name]?.();
    else this.#early.add(name);
  }
}
