/** Signed out: a field for a token. Signed in: the board. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { systemClock } from "../../../base/clock.ts";
import { type Identity, identityOf } from "./logic/access.ts";
import { Login } from "./login.tsx";
import { Shell } from "./shell.tsx";
import { apiOf, type Call, Problem } from "./state/api.ts";
import { Live } from "./state/live.ts";
import { forgetToken, keepToken, storedToken } from "./state/session.ts";

export function App() {
  const [token, setToken] = useState(storedToken);
  const [problem, setProblem] = useState<string>();
  const signIn = useCallback((given: string) => {
    keepToken(given);
    setProblem(undefined);
    setToken(given);
  }, []);
  const signOut = useCallback((why?: string) => {
    forgetToken();
    setToken(undefined);
    setProblem(why);
  }, []);
  useEffect(() => {
    // A link with a token, opened in a tab that shows the page already.
    const taken = (): void => {
      if (location.hash.includes("token=")) setToken(storedToken());
    };
    addEventListener("hashchange", taken);
    return () => removeEventListener("hashchange", taken);
  }, []);
  if (token === undefined) return <Login problem={problem} signIn={signIn} />;
  return <SignedIn key={token} token={token} signOut={signOut} />;
}

/** A node that hangs is as good as one that is gone; a replay or a restart has begun long before. */
const ANSWER_TIMEOUT_MS = 15_000;

async function ask(path: string, init: RequestInit): Promise<Response> {
  const late = new AbortController();
  const timer = systemClock.after(ANSWER_TIMEOUT_MS, () => late.abort(new Error("the node does not answer")));
  try {
    return await fetch(path, { ...init, signal: late.signal });
  } finally {
    timer.cancel();
  }
}

interface SignedInProps {
  readonly token: string;
  readonly signOut: (why?: string) => void;
}

function SignedIn({ token, signOut }: SignedInProps) {
  const call = useMemo(() => apiOf(token, ask), [token]);
  const live = useMemo(() => new Live({ clock: systemClock, call, isHidden: () => document.hidden }), [call]);
  const identity = useIdentity(call, signOut);
  useEffect(() => {
    const look = (): void => live.look();
    const ended = live.onChange(() => {
      if (live.state.kind === "signed-out") signOut(live.state.problem);
    });
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      ended();
      live.close();
    };
  }, [live, signOut]);
  return <Shell live={live} call={call} identity={identity} signOut={() => signOut()} />;
}

/** Until it is known, nobody may do anything. */
function useIdentity(call: Call, signOut: (why?: string) => void): Identity | undefined {
  const [identity, setIdentity] = useState<Identity>();
  useEffect(() => {
    let isGone = false;
    call("auth", "whoami", {}).then(
      (answer) => !isGone && setIdentity(identityOf(answer)),
      (thrown) => {
        if (isGone) return;
        if (thrown instanceof Problem && thrown.isUnauthenticated) signOut(thrown.message);
        else setIdentity(identityOf({ role: "viewer" })); // what it may do is found out by doing it
      },
    );
    return () => {
      isGone = true;
    };
  }, [call, signOut]);
  return identity;
}
