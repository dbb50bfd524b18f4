/** The gateway file from the disk to a plan, or to all its faults. */
import { Failure } from "../../base/errors.ts";
import { checkGatewayFile, faultlessPlan } from "../../edge/gateway/file/index.ts";
import type { GatewayPlan } from "../../edge/gateway/words/index.ts";
import { loadLinesFile, pathResolver } from "../../work/lines/index.ts";

/** Fails when it cannot be read, and with every fault at its place. */
export async function loadPlan(path: string): Promise<GatewayPlan> {
  return planOf(await loadPlanText(path), path);
}

/** Fails when it cannot be read. */
export function loadPlanText(path: string): Promise<string> {
  return loadLinesFile(path, "gateway");
}

/** Codes of what is wrong with files that a gateway file names. */
const NAMED_FILES =
  /^(gateway\.(config\.(descriptors|log_folder)|jwks|mask_key|rule_load|rule_syntax|tls|waf)|waf|protobuf)(\.|$)/;

/** Who assembles a plan meets the first faulty file and knows no lines: the check knows them all. Anything else stays as it is. */
export function pointedToCheck(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Failure) || !NAMED_FILES.test(thrown.code)) return thrown;
  const { code, data, message } = thrown;
  return new Failure(code, `${message}; gateway check ${path} shows the line`, {
    cause: thrown,
    ...(data && { data }),
  });
}

/** Of a text that stands, or stood, in that file. Fails with every fault at its place. */
export function planOf(text: string, path: string): GatewayPlan {
  const checked = checkGatewayFile(text, path, { resolvePath: pathResolver(path, process.cwd()) });
  try {
    return faultlessPlan(checked);
  } catch (thrown) {
    if (!(thrown instanceof Failure) || checked.faults.length < 2) throw thrown;
    const { code, data, message } = thrown;
    throw new Failure(code, `${message}; gateway check ${path} tells all`, { ...(data && { data }) });
  }
}
