/**
 * Carries out the contract `instance` over what a running instance lets be done to it, for whoever comes through its
 * socket. Who can open that may do everything: the file's permissions are the authentication.
 */
import {
  type Caller,
  Dispatcher,
  type DispatcherOptions,
  implement,
  type Service,
  serveContracts,
} from "../../wire/rpc/index.ts";
import { type InstanceInfo, instanceContract } from "./contract.ts";
import type { InstanceControl } from "./instance-control.ts";
import { thePlaceNamed } from "./tree-names.ts";

/** This user, or root. */
export const INSTANCE_OWNER: Caller = { name: "the owner of this instance", access: "admin" };

export function answerInstance(
  control: InstanceControl,
  instance: InstanceInfo,
  { more = [], ...options }: DispatcherOptions & { readonly more?: readonly Service[] },
): (request: Request) => Promise<Response> {
  const dispatcher = new Dispatcher([instanceService(control, instance), ...more], options);
  return serveContracts(dispatcher, { clock: options.clock, authenticate: () => INSTANCE_OWNER });
}

export function instanceService(control: InstanceControl, instance: InstanceInfo): Service {
  const pathOf = async (name: string): Promise<string> => thePlaceNamed(await control.describe(), name).path;
  return implement(instanceContract, {
    describe: async () => ({ instance, tree: await control.describe() }),
    stop: async ({ name }, { signal }) => control.stop(await pathOf(name), signal),
    restart: async ({ name }, { signal }) => ({ done: await control.restart(await pathOf(name), signal) }),
    swap: ({ stage, library, params }, { signal }) => control.swap({ stage, library, params }, signal),
    reload: (_, { signal }) => control.reload(signal),
  });
}
