import { BackendError, ClauderonError, SandboxError } from "@clauderon/core/contract";

import { EngineError } from "./engine-error.ts";

/** What was going on. */
export interface ErrorPlace {
  /** What could not be done, without a full stop: `The sandbox clauderon-fix could not be made`. */
  readonly message: string;
  readonly socketPath: string;
}

type Row = readonly [pattern: RegExp, fix: readonly [string, ...string[]]];

/** By the engine's own words: what helps. */
const rows: readonly Row[] = [
  [
    /bind source path does not exist|mounts denied|is not shared from/iu,
    ["share the folder with Docker: its settings, Resources, File sharing", "or put clauderon's home below your own"],
  ],
  [
    /no space left on device/iu,
    ["free space: docker system df, then docker system prune", "or enlarge the disk of Docker's machine"],
  ],
  [
    /executable file not found|no such file or directory: unknown|exec format error/iu,
    ["choose an image with a shell, git, and curl or wget, for this machine's processor"],
  ],
  [
    /unable to find user|no matching entries in passwd/iu,
    ["choose a user that the image has, or a number: --user 1000:1000"],
  ],
  [/unknown or invalid runtime/iu, ["see the runtimes there are: docker info", "or leave the runtime out"]],
  [/non-overlapping IPv4 address pool/iu, ["remove networks that nobody uses: docker network prune"]],
  [/port is already allocated|address already in use/iu, ["end what uses the port"]],
  [/minimum memory limit allowed/iu, ["allow more memory: --memory-limit 512m"]],
  [/range of cpus is from/iu, ["ask for no more processors than there are: --cpu-limit 1"]],
  [/operation not permitted|cgroup/iu, ["see what the engine can limit: docker info", "or leave the limit out"]],
];

/** Puts an engine's error into words, once, with its cause. Errors of ours and aborts stay what they are. */
export function mapDockerError(error: unknown, place: ErrorPlace): unknown {
  if (!(error instanceof EngineError) || ClauderonError.isInstance(error)) return error;
  const { message, socketPath } = place;
  if (error.status === undefined) return unreachable(error, socketPath);
  const [, fix] = rows.find(([pattern]) => pattern.test(error.message)) ?? [];
  return new SandboxError({
    message,
    why: error.message,
    fix: fix ?? ["see what the engine says: docker events --since 10m, and its log"],
    context: { status: error.status },
    cause: error,
  });
}

/** There is no engine, or it does not answer. */
export function unreachable(error: EngineError, socketPath: string): BackendError {
  const { systemCode } = error;
  const context = { socket: socketPath, code: systemCode };
  if (systemCode === "EACCES" || systemCode === "EPERM") {
    return new BackendError({
      message: `No permission to use Docker at ${socketPath}`,
      why: "your user is not in the group docker",
      fix: [
        "sudo usermod -aG docker $USER, then log out and in again, or run: newgrp docker",
        "or use rootless Docker",
      ],
      context,
      cause: error,
    });
  }
  if (systemCode === "TIMEOUT") {
    return new BackendError({
      message: `Docker does not answer at ${socketPath}`,
      why: error.message,
      fix: ["see whether it hangs: docker info", "restart it: sudo systemctl restart docker"],
      context,
      cause: error,
    });
  }
  if (["ENOENT", "ECONNREFUSED", "ENOTDIR", "ENOTSOCK"].includes(systemCode ?? "")) {
    return new BackendError({
      message: `Docker is not running (looked at ${socketPath})`,
      fix: ["start it: sudo systemctl start docker, or open Docker Desktop", "check it: docker info"],
      context,
      cause: error,
    });
  }
  return new BackendError({
    message: `The connection to Docker at ${socketPath} broke off`,
    why: error.message,
    fix: ["try again", "see whether it runs: docker info"],
    context,
    cause: error,
  });
}
