/** The token of whoever looks: in this tab's session storage and nowhere else, taken out of the address before anybody sees it there. */
import { takeToken } from "../logic/access.ts";

const KEY = "distributed_system.token";

/** From the address, where `distributed_system dashboard` has put it, else from before. */
export function storedToken(): string | undefined {
  const { rest, token } = takeToken(location.hash);
  if (location.hash.includes("token=")) {
    history.replaceState(null, "", `${location.pathname}${location.search}${rest === "" ? "" : `#${rest}`}`);
  }
  if (token !== undefined) keepToken(token);
  return token ?? sessionStorage.getItem(KEY) ?? undefined;
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}
