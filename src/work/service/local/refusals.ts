/** Failures of services on their node, in words; and which of them another try cannot cure. */
import { Failure } from "../../../base/errors.ts";

/** What a definition or a file is wrong in stays wrong until somebody changes it. */
const FOR_GOOD: ReadonlySet<string> = new Set([
  "service.definition",
  "service.load",
  "service.reserved",
  "service.duplicate",
  "service.other_name",
  "plugin.definition",
  "plugin.load",
  "plugin.not_found",
]);

export function isForGood({ code, retryable }: Failure): boolean {
  return !retryable && FOR_GOOD.has(code);
}

/** Nothing has begun: another instance may take the call at once. */
export function unavailable(what: string): Failure {
  return new Failure("service.unavailable", what, { retryable: true, data: { begun: false } });
}

export function overloaded(what: string): Failure {
  return new Failure("service.overloaded", what, { retryable: true, data: { begun: false } });
}

export function notFound(what: string): Failure {
  return new Failure("service.not_found", what);
}

/**
 * Who was told of this version a moment ago may not know yet that another one has taken over: nothing has begun, and asked again the
 * caller finds that one. Where there is none it stays not found.
 */
export function versionGone(label: string): Failure {
  return new Failure("service.not_found", `this node has no service ${label}`, { data: { begun: false } });
}

export function reservedName(name: string, file: string): Failure {
  const message = `the service in ${file} is called ${name}, as one of this program's own contracts; another name is required`;
  return new Failure("service.reserved", message);
}

export function duplicate(label: string, file: string, other: string): Failure {
  const message = `${file} is ${label}, and so is ${other}; another version or another name is required`;
  return new Failure("service.duplicate", message, { data: { files: [file, other] } });
}

export function otherName(file: string, found: string, required: string): Failure {
  return new Failure("service.other_name", `${file} is the service ${found}; ${required} is required`);
}

export function hasChanged(file: string, found: string, was: string): Failure {
  const message = `${file} was ${was} and is ${found} now; it is being swapped`;
  return new Failure("service.changed", message, { retryable: true });
}
