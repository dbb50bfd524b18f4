/** Answers the contract `pipelines`. */
import { implement, type Service } from "../../wire/rpc/index.ts";
import type { MasterWorkers } from "./master-workers.ts";
import type { Pipelines } from "./pipelines.ts";
import { pipelinesContract, type WorkerInfo } from "./pipelines-contract.ts";

/** `by`: the node that answers. */
export function pipelinesService(by: string, pipelines: Pipelines, workers: MasterWorkers): Service {
  const workersNow = (): WorkerInfo[] => workers.list().map(({ load, ...worker }) => ({ ...worker, ...load }));
  return implement(pipelinesContract, {
    submit: async ({ once, ...request }) => {
      const pipeline = await (once ? pipelines.submitOnce(request) : pipelines.submit(request));
      return { pipeline: pipeline.view() };
    },
    list: () => ({ by, pipelines: pipelines.list().map((each) => each.view()), workers: workersNow() }),
    show: ({ pipeline }) => ({ pipeline: pipelines.find(pipeline).view() }),
    pause: async ({ pipeline }) => ({ pipeline: (await pipelines.pause(pipeline)).view() }),
    resume: async ({ pipeline }) => ({ pipeline: (await pipelines.resume(pipeline)).view() }),
    cancel: async ({ pipeline }) => ({ pipeline: (await pipelines.cancel(pipeline)).view() }),
    swap: async ({ pipeline, ...swap }) => ({ pipeline: (await pipelines.swap(pipeline, swap)).view() }),
    drain: async ({ node, on }) => {
      await workers.drain(node, on);
      return { workers: workersNow() };
    },
  });
}
