import {
  HostError,
  type HostAgentStatus,
  type HostExit,
  type HostFailure,
  type HostInfo,
  type HostSandboxStatus,
  type HostTerminalSize,
} from "./host-protocol.ts";

type Message = Readonly<Record<string, unknown>>;

const longestText = 4096;
const mostSandboxes = 10_000;
const mostFixes = 16;
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
      startedAtMs: optional(message["startedAtMs"], count),
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
    if (!Array.isArray(value) || value.length > mostSandboxes) throw refusal("a list of sandboxes");
    return value.map((sandbox) => decode.sandbox(sandbox));
  },

  info(value: unknown): HostInfo {
    const message = object(value, "the host's information");
    return {
      processId: count(message["processId"]),
      startedAtMs: count(message["startedAtMs"]),
      protocol: count(message["protocol"]),
      memoryBytes: count(message["memoryBytes"]),
      sandboxes: count(message["sandboxes"]),
      connections: count(message["connections"]),
      cgroupDirectory: optional(message["cgroupDirectory"], text),
    };
  },

  processIds(value: unknown): readonly number[] {
    if (!Array.isArray(value) || value.length > mostSandboxes) throw refusal("a list of processes");
    return value.map(count);
  },
};

function refusal(what: string): HostError {
  return new HostError("internal", `The host answered with what is not ${what}`, "start the session again");
}

function object(value: unknown, what: string): Message {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refusal(what);
  return value as Message;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= longestText;
}

function text(value: unknown): string {
  if (!isText(value)) throw refusal("text");
  return value;
}

function count(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw refusal("a whole number");
  return value;
}

function size(value: unknown): HostTerminalSize {
  const { columns, rows } = object(value, "a size");
  return { columns: count(columns), rows: count(rows) };
}

function oneOf<Value extends string>(value: unknown, values: readonly Value[]): Value {
  const found = values.find((one) => one === value);
  if (found === undefined) throw refusal("one of the known states");
  return found;
}

/** Absent where the host left it out, or wrote `null` for it. */
function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | undefined {
  return value === undefined || value === null ? undefined : read(value);
}
