/** Asks for a token. It is kept by this tab alone, and sent to the node that has served the page and to nobody else. */
import { useEffect, useRef, useState } from "preact/hooks";

interface LoginProps {
  readonly problem: string | undefined;
  readonly signIn: (token: string) => void;
}

export function Login({ problem, signIn }: LoginProps) {
  const [fault, setFault] = useState<string>();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const token = field.current!.value.trim(); // the form is on the page
    if (/^[\w.~+/=-]+$/.test(token)) signIn(token);
    else setFault(token === "" ? "A token is required." : "This is no token: letters, digits and . _ - are allowed.");
  };
  const shown = fault ?? problem;
  return (
    <main class="login">
      <form class="card" onSubmit={submit}>
        <h1 class="login-brand">distributed_system</h1>
        <label for="token">API token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-describedby={shown === undefined ? "token-hint" : "token-fault token-hint"}
          aria-invalid={shown !== undefined}
        />
        {shown !== undefined && (
          <p id="token-fault" class="fault" role="alert">
            {shown}
          </p>
        )}
        <button type="submit" class="primary">
          Sign in
        </button>
        <p id="token-hint" class="hint">
          <code>distributed_system dashboard</code> prints a link that signs in by itself.{" "}
          <code>distributed_system token create --role viewer</code> makes a token that may look and nothing else.
        </p>
      </form>
    </main>
  );
}
