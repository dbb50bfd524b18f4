/** A node as others and its own program see it: where it listens, its mailbox, its peers. */
export { Directory, type Peer, type PeerChange, type Registry } from "./directory.ts";
export { IDLE_S, type ListenAddress, type Listener, type ListenerOptions, openListener } from "./listener.ts";
export {
  type Letter,
  Mailbox,
  type MailboxCounts,
  type MailboxOptions,
  type Overflow,
} from "./mailbox.ts";
export {
  ALIAS_CHARS_MAX,
  type AskOptions,
  CALL_TIMEOUT_MS,
  CALL_TOPIC,
  type CallMeta,
  MESSAGE_TOPIC,
  type MessageMeta,
  type NodeEvents,
  NodeRuntime,
  type NodeRuntimeOptions,
  type NodeRuntimePorts,
  type Post,
} from "./runtime.ts";
