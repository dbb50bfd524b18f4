/**
 * One small shell beside each daemon that has hosts. It waits for the end of a pipe that only the daemon holds, so it
 * notices any end, kill -9 included; then it kills everything that carries the daemon's marker until nothing is left, and
 * removes what the daemon had made on disk. Hosts themselves die by the kernel before; their children do not.
 *
 * It lives in a session of its own and ignores what a terminal or a service manager sends to groups.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { MARKER_NAME } from "./instance.ts";
import { SHELL } from "./resource-limits.ts";

/** Lines on its pipe: what to remove at the end. Arguments of the script: the marker's beginning. */
const SCRIPT = `
trap '' HUP INT QUIT TERM PIPE USR1 USR2 TSTP TTIN TTOU
marker=$1
shift
while IFS= read -r line; do set -- "$@" "$line"; done

marked() {
  grep -lzs "^$marker/" /proc/[0-9]*/environ
  for line in "$@"; do
    case $line in "group "*) for procs in "\${line#group }"*/cgroup.procs; do [ -f "$procs" ] && cat "$procs"; done ;; esac
  done
}

round=0
while [ $round -lt 600 ]; do
  found=$(marked "$@" 2>/dev/null)
  [ -z "$found" ] && break
  for each in $found; do
    pid=\${each#/proc/}
    kill -9 "\${pid%%/*}" 2>/dev/null
  done
  round=$((round + 1))
  [ $round -gt 3 ] && sleep 0.1
done

for line in "$@"; do
  case $line in
    "directory "*) rm -rf -- "\${line#directory }" ;;
    "group "*) rmdir -- "\${line#group }"* 2>/dev/null ;;
  esac
done
exit 0
`;

export class Warden {
  readonly #instance: string;
  readonly #charges: string[] = [];
  #child: Bun.Subprocess<"pipe", "ignore", "ignore"> | undefined;

  constructor(instance: string) {
    this.#instance = instance;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it, or another one when somebody has killed it. Does nothing on a machine that cannot. */
  watch(): void {
    if (this.#child || missingForWarden() !== undefined) return;
    try {
      this.#child = spawnWarden(`${MARKER_NAME}=${this.#instance}`, () => {
        this.#child = undefined;
      });
    } catch {
      return; // no processes to be had just now: the next host tries again
    }
    for (const charge of this.#charges) this.#tell(charge);
  }

  /** Removes this directory when the daemon has ended. */
  removeDirectory(path: string): void {
    this.#charge(`directory ${path}`);
  }

  /** Empties and removes the control groups whose paths begin so. */
  removeGroups(prefix: string): void {
    this.#charge(`group ${prefix}`);
  }

  #charge(line: string): void {
    if (this.#charges.includes(line) || line.includes("\n")) return; // a line cannot say it; a later daemon clears it
    this.#charges.push(line);
    if (this.#child) this.#tell(line);
  }

  #tell(line: string): void {
    const pipe = this.#child?.stdin;
    if (!pipe) return;
    pipe.write(`${line}\n`);
    void Promise.resolve(pipe.flush()).catch(() => {}); // it was killed: the next host starts another
  }
}

function spawnWarden(marker: string, ended: () => void): Bun.Subprocess<"pipe", "ignore", "ignore"> {
  const child = Bun.spawn([SHELL, "-c", SCRIPT, "distributed_system-warden", marker], {
    cwd: "/",
    env: { PATH: searchPath() },
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    detached: true,
    onExit: ended,
  });
  child.unref();
  return child;
}

/** What this machine lacks for a warden, or undefined. */
export function missingForWarden(): string | undefined {
  if (!existsSync("/proc/self/environ")) return "/proc";
  if (!existsSync(SHELL)) return SHELL;
  const folders = searchPath().split(":");
  const lacking = ["grep", "cat", "rm", "rmdir", "sleep"].filter(
    (name) => !folders.some((folder) => folder !== "" && isExecutable(join(folder, name))),
  );
  return lacking.length > 0 ? lacking.join(", ") : undefined;
}

/** The daemon's own, and where every system has its tools, for a daemon that was started without a PATH. */
function searchPath(): string {
  return [process.env.PATH, "/usr/bin", "/bin"].filter(Boolean).join(":");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
