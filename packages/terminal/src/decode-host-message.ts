import type {
  HostAgentStatus,
  HostExit,
  HostFailure,
  HostInfo,
  HostSandboxStatus,
  HostTerminalSize,
} from "./host-protocol.ts";
import { count, instant, isText, list, object, oneOf, optional, refusal, text, type Message } from "./read-value.ts";

const mostSandboxes = 10_000;
const mostProcesses = 10_000;
const mostFixes = 16;
const mostCells = 10_000;
const agentStates = ["none", "running", "exited"] as const;
const sandboxStates = ["running", "stopping", "stopped"] as const;
const modes = ["terminal", "headless"] as const;

/** Reads of what a host sends: the border where its JSON becomes typed. A host in a sandbox may be anybody's; what is not of the right form is refused. */
export const decode = {
  /** Never throws: a failure that is none says so. */
  failure(message: Message): HostFailure {
    const { code, message: text, why, fix } = message;
    if (!isText(code) || !isText(text)) return refusal("a failure").failure;
    const fixes = Array.isArray(fix) ? fix.filter(isText).slice(0, mostFixes) : [];
    return { code, message: text, ...(isText(why) ? { why } : {}), fix: fixes };
  },

  agent(value: unknown): HostAgentStatus {
    const message = object(value, "an agent's status");
    return {
      state: oneOf(message["state"], agentStates),
      launchId: optional(message["launchId"], text),
      processId: optional(message["processId"], count),
      startedAtMs: optional(message["startedAtMs"], instant),
      exit: optional(message["exit"], (exit) => decode.exit(exit)),
      mode: optional(message["mode"], (mode) => oneOf(mode, modes)),
      size: optional(message["size"], size),
    };
  },

  exit(value: unknown): HostExit {
    const message = object(value, "an exit");
    const exitCode = message["exitCode"];
    if (typeof exitCode !== "number" || !Number.isInteger(exitCode) || exitCode < 0 || exitCode > 255)
      throw refusal("an exit code");
    const signal = optional(message["signal"], text);
    return { exitCode, ...(signal === undefined ? {} : { signal }), isTimedOut: message["isTimedOut"] === true };
  },

  sandbox(value: unknown): HostSandboxStatus {
    const message = object(value, "a sandbox's status");
    return {
      sandboxId: text(message["sandboxId"]),
      instanceId: text(message["instanceId"]),
      name: text(message["name"]),
      cwd: text(message["cwd"]),
      state: oneOf(message["state"], sandboxStates),
      agent: decode.agent(message["agent"]),
    };
  },

  sandboxes(value: unknown): readonly HostSandboxStatus[] {
    return list(value, mostSandboxes, (sandbox) => decode.sandbox(sandbox));
  },

  info(value: unknown): HostInfo {
    const message = object(value, "the host's information");
    return {
      processId: count(message["processId"]),
      startedAtMs: instant(message["startedAtMs"]),
      protocol: count(message["protocol"]),
      memoryBytes: count(message["memoryBytes"]),
      sandboxes: count(message["sandboxes"]),
      connections: count(message["connections"]),
      cgroupDirectory: optional(message["cgroupDirectory"], text),
    };
  },

  processIds(value: unknown): readonly number[] {
    return list(value, mostProcesses, count);
  },
};

function size(value: unknown): HostTerminalSize {
  const { columns, rows } = object(value, "a size");
  return { columns: cells(columns), rows: cells(rows) };
}

function cells(value: unknown): number {
  const number = count(value);
  if (number < 1 || number > mostCells) throw refusal("a size");
  return number;
}
