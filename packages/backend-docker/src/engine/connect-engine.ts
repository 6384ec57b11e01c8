import { stat } from "node:fs/promises";

import { BackendError, type CallOptions } from "@clauderon/core/contract";

import { recordOf } from "../endpoint/docker-config.ts";
import { findCandidates, type Candidate } from "../endpoint/find-candidates.ts";
import type { Machine } from "../endpoint/usual-sockets.ts";
import { chooseApiVersion } from "./api-version.ts";
import { EngineClient } from "./engine-client.ts";
import { EngineError } from "./engine-error.ts";
import { EngineTransport } from "./engine-transport.ts";
import { unreachable } from "./map-docker-error.ts";
import { readFacts } from "./read-answers.ts";

/** All attempts together: who waits for a clear error waits no longer than 3 s. */
const probeMs = 2500;

export interface FoundEngine {
  readonly client: EngineClient;
  readonly candidate: Candidate;
}

/** Finds an engine that answers. Rejects with `backend.unavailable` within 3 s. */
export async function connectEngine(
  machine: Machine,
  { configured, signal }: CallOptions & { readonly configured?: string | undefined } = {},
): Promise<FoundEngine> {
  const candidates = await findCandidates(machine, configured);
  const deadline = performance.now() + probeMs;
  const failures: { readonly candidate: Candidate; readonly error: EngineError }[] = [];
  for (const candidate of candidates) {
    const timeoutMs = Math.max(1, Math.round(deadline - performance.now()));
    try {
      return { client: await probe(candidate, { timeoutMs, signal }), candidate };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      failures.push({ candidate, error });
      if (error.systemCode === "TIMEOUT") break;
    }
  }
  throw notFound(failures);
}

async function probe(
  { socketPath, origin }: Candidate,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<EngineClient> {
  await requirePlace(socketPath);
  const transport = new EngineTransport(socketPath);
  const asked = await Promise.all([
    transport.request({ method: "GET", path: "/_ping", ...options }),
    transport.request({ method: "GET", path: "/version", ...options }),
    transport.request({ method: "GET", path: "/info", ...options }),
  ]);
  const [ping, version, info] = asked;
  const facts = readFacts(ping.headers, recordOf(version.body), recordOf(info.body));
  const choice = chooseApiVersion(facts);
  if (choice.kind !== "usable") {
    const isOld = choice.kind === "too-old";
    throw new BackendError({
      message: `Docker ${facts.version} at ${socketPath} is too ${isOld ? "old" : "new"}`,
      why: choice.why,
      fix: [
        isOld ? "install Docker 20.10 or newer" : "install a newer clauderon",
        `or use another engine than that of ${origin}`,
      ],
      context: { apiVersion: facts.apiVersion, minApiVersion: facts.minApiVersion },
    });
  }
  if (facts.isPodman) {
    throw new BackendError({
      message: `What answers at ${socketPath} is Podman ${facts.version}, not Docker`,
      why: `${origin} leads there`,
      fix: ["set DOCKER_HOST to Docker's own socket: export DOCKER_HOST=unix:///var/run/docker.sock"],
      context: { socket: socketPath },
    });
  }
  transport.setVersion(`v${choice.version}`);
  return new EngineClient(transport, facts);
}

/** Where there is no engine, its client need not be loaded. */
async function requirePlace(socketPath: string): Promise<void> {
  if (process.platform === "win32") return;
  try {
    await stat(socketPath);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new EngineError(message, { ...(code === undefined ? {} : { systemCode: code }), cause: error });
  }
}

/** The most telling of the failures: what is there and refuses comes before what is not there. */
function notFound(failures: readonly { readonly candidate: Candidate; readonly error: EngineError }[]): BackendError {
  const missing = new Set(["ENOENT", "ENOTDIR"]);
  const telling = failures.find(({ error }) => !missing.has(error.systemCode ?? "")) ?? failures[0];
  if (telling === undefined) throw new Error("an engine was looked for nowhere");
  const { candidate, error } = telling;
  if (error.status !== undefined) {
    return new BackendError({
      message: `What answers at ${candidate.socketPath} is no Docker engine`,
      why: error.message,
      fix: [`set DOCKER_HOST to Docker's socket; ${candidate.origin} leads to this one`],
      cause: error,
    });
  }
  const isNamed = candidate.origin !== "the usual place";
  const mapped = unreachable(
    error,
    isNamed ? `${candidate.socketPath}, named by ${candidate.origin}` : candidate.socketPath,
  );
  if (isNamed || !missing.has(error.systemCode ?? "")) return mapped;
  return new BackendError({
    message: "Docker is not installed or not running",
    why: `there is no socket at ${failures.map((failure) => failure.candidate.socketPath).join(", ")}`,
    fix: [
      "install it (https://docs.docker.com/engine/install), or start it: sudo systemctl start docker, or open Docker Desktop",
      "or say where it is: export DOCKER_HOST=unix:///path/of/docker.sock",
    ],
    context: { lookedAt: failures.map((failure) => failure.candidate.socketPath) },
    cause: error,
  });
}
