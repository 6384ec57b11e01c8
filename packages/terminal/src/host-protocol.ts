/** The version this program speaks; docs/architecture/host-protocol.md describes it byte by byte. */
export const hostProtocolVersion = 1;

/** First byte after the length of every frame. */
export const frameTypes = {
  hello: 0x01,
  challenge: 0x02,
  proof: 0x03,
  welcome: 0x04,
  request: 0x10,
  response: 0x11,
  failure: 0x12,
  output: 0x20,
  input: 0x21,
  inputEnd: 0x22,
  credit: 0x23,
  pause: 0x24,
  end: 0x25,
  cancel: 0x26,
} as const;

/** Upper bounds that both ends keep to. */
export const hostLimits = {
  /** Of type, id and payload together. */
  frameBytes: 4_194_304,
  /** The same, before the peer is known. */
  handshakeFrameBytes: 4096,
  handshakeMs: 5000,
  /** Payload of one `output` frame, without its 10-byte head. */
  outputBytes: 65_536,
  /** Unacknowledged input of one stream. */
  inputWindowBytes: 262_144,
  /** Default and largest window of output that a client grants at once. */
  outputWindowBytes: 262_144,
  streamsPerConnection: 1024,
  /** Bytes waiting in one connection's socket before the host stops writing to it. */
  socketBacklogBytes: 1_048_576,
  ringBytes: 524_288,
} as const;

/** Where an output byte came from; the number on the wire. */
export const sources = { stdout: 1, stderr: 2 } as const;
export type SourceName = keyof typeof sources;

/** Bits of an output frame's second byte. */
export const outputFlags = { replay: 1, prelude: 2 } as const;

/** A failure as it travels; the same form as an error of the product. */
export interface HostFailure {
  readonly code: string;
  readonly message: string;
  readonly why?: string | undefined;
  readonly fix: readonly string[];
}

/** What the host answers when a request cannot be done. */
export class HostError extends Error {
  readonly failure: HostFailure;

  constructor(
    code: string,
    message: string,
    fix = "see the session host's log: logs/session-host.log in clauderon's home",
  ) {
    super(message);
    this.name = "HostError";
    this.failure = { code, message, fix: [fix] };
  }
}

export interface HostTerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** How a process ended. */
export interface HostExit {
  readonly exitCode: number;
  readonly signal?: string | undefined;
  readonly isTimedOut: boolean;
}

/** The agent of a sandbox. */
export interface HostAgentStatus {
  readonly state: "none" | "running" | "exited";
  readonly launchId?: string | undefined;
  readonly processId?: number | undefined;
  /** Milliseconds since 1970. */
  readonly startedAtMs?: number | undefined;
  readonly exit?: HostExit | undefined;
  readonly mode?: "terminal" | "headless" | undefined;
  readonly size?: HostTerminalSize | undefined;
}

export interface HostSandboxStatus {
  readonly sandboxId: string;
  readonly instanceId: string;
  readonly name: string;
  readonly cwd: string;
  readonly state: "running" | "stopping" | "stopped";
  readonly agent: HostAgentStatus;
}

export interface HostInfo {
  readonly processId: number;
  readonly startedAtMs: number;
  readonly protocol: number;
  readonly memoryBytes: number;
  readonly sandboxes: number;
  readonly connections: number;
  /** Where the host makes cgroups, if it can. */
  readonly cgroupDirectory?: string | undefined;
}
