import { BackendError } from "@clauderon/core/contract";

import { hostOfContext } from "./context-store.ts";
import { dockerDirectory, readDockerConfig } from "./docker-config.ts";
import { parseHost } from "./parse-host.ts";
import { usualSockets, type Machine } from "./usual-sockets.ts";

/** A place where an engine may listen. */
export interface Candidate {
  readonly socketPath: string;
  /** Who named it, in words: `DOCKER_HOST`, `the context "colima"`, `the usual place`. */
  readonly origin: string;
}

/**
 * Where to look for the engine, in the order of Docker's own programs: the configuration, DOCKER_HOST, DOCKER_CONTEXT, the current context, the
 * usual places. Who names one gets that one alone. Rejects with `backend.unavailable` for an engine that cannot be used.
 */
export async function findCandidates(machine: Machine, configured?: string): Promise<readonly Candidate[]> {
  const { environment, userHome } = machine;
  if (configured !== undefined) return [named(configured, "docker.endpoint in config.toml")];
  const host = environment["DOCKER_HOST"] ?? "";
  if (host !== "") return [named(host, "DOCKER_HOST")];
  const directory = dockerDirectory(environment, userHome);
  const asked = environment["DOCKER_CONTEXT"] ?? "";
  const context = asked === "" ? (await readDockerConfig(directory)).currentContext : asked;
  if (context !== undefined && context !== "default") {
    const origin = `the context "${context}"${asked === "" ? "" : " of DOCKER_CONTEXT"}`;
    const found = await hostOfContext(directory, context);
    if (found === undefined) throw unknownContext(context, directory);
    return [named(found, origin)];
  }
  return usualSockets(machine).map((socketPath) => ({ socketPath, origin: "the usual place" }));
}

function named(host: string, origin: string): Candidate {
  const parsed = parseHost(host);
  if (parsed.kind === "socket") return { socketPath: parsed.socketPath, origin };
  throw new BackendError({
    message: `The Docker engine of ${origin} cannot be used: ${host}`,
    why: parsed.why,
    fix: [
      "use an engine of this machine: export DOCKER_HOST=unix:///var/run/docker.sock",
      "or run clauderon on the machine where the engine is",
    ],
    context: { host, origin },
  });
}

function unknownContext(context: string, directory: string): BackendError {
  return new BackendError({
    message: `Docker has no context "${context}"`,
    why: `it is the current one, but ${directory} does not know it`,
    fix: ["choose one that there is: docker context ls, then docker context use NAME", "or set DOCKER_HOST"],
    context: { context },
  });
}
