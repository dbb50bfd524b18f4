/** The commands there are. A module is loaded when its command is used, so that `--version` and one command stay quick. */
import type { CommandTable } from "./command.ts";

export const commands: CommandTable = {
  run: { about: "run a pipeline file", load: async () => (await import("./commands/run.ts")).run },
  check: {
    about: "find every fault in a pipeline file",
    load: async () => (await import("./commands/check.ts")).check,
  },
  task: {
    about: "run graphs of tasks that depend on each other",
    load: async () => (await import("./commands/task.ts")).task,
  },
  master: {
    about: "run a master: it has the cluster's workers do its pipelines",
    load: async () => (await import("./commands/master.ts")).master,
  },
  coordinator: {
    about: "another word for master",
    load: async () => (await import("./commands/master.ts")).master,
  },
  worker: {
    about: "run a worker; any other first word with HOST PORT behind it is a worker's name",
    load: async () => (await import("./commands/worker.ts")).worker,
  },
  submit: {
    about: "have a master run a pipeline file",
    load: async () => (await import("./commands/pipelines.ts")).submit,
  },
  pipelines: {
    about: "show a master's pipelines and workers",
    load: async () => (await import("./commands/pipelines.ts")).pipelines,
  },
  pause: { about: "let a master's pipeline wait", load: async () => (await import("./commands/pipelines.ts")).pause },
  resume: {
    about: "let a paused or failed pipeline go on",
    load: async () => (await import("./commands/pipelines.ts")).resume,
  },
  cancel: {
    about: "end a master's pipeline for good",
    load: async () => (await import("./commands/pipelines.ts")).cancel,
  },
  drain: {
    about: "give a worker no new work, and take away what it has",
    load: async () => (await import("./commands/pipelines.ts")).drain,
  },
  plugin: { about: "make, check and test plugins", load: async () => (await import("./commands/plugin.ts")).plugin },
  dlq: {
    about: "look at dead letters, replay or purge them",
    load: async () => (await import("./commands/dlq.ts")).dlq,
  },
  audit: { about: "verify audit files", load: async () => (await import("./commands/audit.ts")).audit },
  report: {
    about: "show what runs have done, from their stored reports",
    load: async () => (await import("./commands/report.ts")).report,
  },
  ps: {
    about: "show running instances with their supervisors and processes",
    load: async () => (await import("./commands/ps.ts")).ps,
  },
  stop: { about: "stop a part of a running instance", load: async () => (await import("./commands/stop.ts")).stop },
  restart: {
    about: "stop and start a part of a running instance",
    load: async () => (await import("./commands/restart.ts")).restart,
  },
  swap: {
    about: "put another plugin in a running stage's place",
    load: async () => (await import("./commands/swap.ts")).swap,
  },
  reload: {
    about: "make a running pipeline read its file again",
    load: async () => (await import("./commands/reload.ts")).reload,
  },
  map: {
    about: "maps that are the same for everybody: get, put, cas, range, watch",
    load: async () => (await import("./commands/map.ts")).mapCommands,
  },
  lock: {
    about: "locks with fencing tokens, around a command or by hand",
    load: async () => (await import("./commands/lock.ts")).lockCommands,
  },
  queue: {
    about: "durable queues: put, take, acknowledge, work through",
    load: async () => (await import("./commands/queue.ts")).queueCommands,
  },
  counter: {
    about: "whole numbers that count exactly",
    load: async () => (await import("./commands/counter.ts")).counterCommands,
  },
  txn: {
    about: "transactions: all of it or nothing, on one group or over several",
    load: async () => (await import("./commands/txn.ts")).txnCommands,
  },
  raft: {
    about: "the groups that keep the data: settings, members, leaders, logs",
    load: async () => (await import("./commands/raft.ts")).raftCommands,
  },
  call: {
    about: "call a method of a service, wherever in the cluster it runs",
    load: async () => (await import("./commands/call.ts")).call,
  },
  services: {
    about: "show the services of the cluster",
    load: async () => (await import("./commands/services.ts")).services,
  },
  service: {
    about: "look at one service, and change what a node runs",
    load: async () => (await import("./commands/service.ts")).service,
  },
  gateway: {
    about: "the way in from outside: run one, check its file, ask it",
    load: async () => (await import("./commands/gateway.ts")).gateway,
  },
  node: { about: "run a member of the cluster", load: async () => (await import("./commands/node.ts")).node },
  nodes: {
    about: "show the members of the cluster",
    load: async () => (await import("./commands/nodes.ts")).nodes,
  },
  cluster: {
    about: "look at the cluster through one of its nodes",
    load: async () => (await import("./commands/cluster.ts")).cluster,
  },
  metrics: {
    about: "show the numbers of a running instance, for Prometheus",
    load: async () => (await import("./commands/metrics.ts")).metrics,
  },
  top: {
    about: "watch nodes, pipelines, services and what happens",
    load: async () => (await import("./commands/top.ts")).top,
  },
  exec: {
    about: "run a program of yours that embeds a node",
    load: async () => (await import("./commands/exec.ts")).exec,
  },
  init: {
    about: "make cluster key, authority and node certificates",
    load: async () => (await import("./commands/init.ts")).init,
  },
  key: {
    about: "replace the cluster key while the cluster runs",
    load: async () => (await import("./commands/key.ts")).key,
  },
  token: {
    about: "tokens for people and programs that ask nodes over HTTP",
    load: async () => (await import("./commands/token.ts")).token,
  },
  dashboard: {
    about: "print the address of a node's dashboard, with a token in it",
    load: async () => (await import("./commands/dashboard.ts")).dashboard,
  },
  pmd: {
    about: "the port mapper of this host: which node listens where",
    load: async () => (await import("./commands/pmd.ts")).pmd,
  },
  doctor: {
    about: "look at what this machine gives, and say what to change",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
};
