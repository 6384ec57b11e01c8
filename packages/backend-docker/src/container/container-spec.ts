import type { NetworkPolicy, SandboxSpec } from "@clauderon/core/contract";

import type { ChannelKind } from "../docker-settings.ts";
import type { ContainerBody } from "../engine/engine-client.ts";
import type { EngineFacts } from "../engine/engine-types.ts";
import type { ContainerLimits } from "./container-limits.ts";
import { guestProgram, inside, type SandboxPlaces } from "./container-places.ts";
import type { SandboxUser } from "./sandbox-user.ts";

export interface ContainerRequest {
  readonly spec: SandboxSpec;
  /** With tag or digest. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly places: SandboxPlaces;
  /** Directory on this machine that holds the guest's program. */
  readonly programs: string;
  readonly user: SandboxUser;
  readonly limits: ContainerLimits;
  /** How the guest comes to the proxy: by the socket in the channel's directory, or by connections that are made to it. */
  readonly channelKind: ChannelKind;
  readonly facts: Pick<EngineFacts, "hasUserNamespace">;
}

/** In every process, also in those of the engine's own `exec`; none of them is a secret. All else the guest gives. */
const plainVariables: readonly string[] = [
  "HTTP_PROXY",
  "http_proxy",
  "HTTPS_PROXY",
  "https_proxy",
  "NO_PROXY",
  "no_proxy",
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
  "REQUESTS_CA_BUNDLE",
];

const mebibyte = 1024 ** 2;

/** The body of the engine's call that makes the container. Pure. */
export function containerSpec(request: ContainerRequest): ContainerBody {
  const { spec, image, labels, user } = request;
  return {
    Image: image,
    Entrypoint: [guestProgram],
    Cmd: guestArguments(request),
    User: `${user.uid}:${user.gid}`,
    WorkingDir: inside.workspace,
    Hostname: spec.name,
    Env: environmentOf(spec),
    Tty: false,
    OpenStdin: false,
    StopSignal: "SIGTERM",
    Labels: labels,
    // The image's own would run as a process that nobody asked for.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: hostConfig(request),
  };
}

function guestArguments({ spec, channelKind }: ContainerRequest): readonly string[] {
  const { channel } = spec;
  return [
    "run",
    "--image-environment",
    "--key-file",
    `${inside.run}/key`,
    "--socket",
    `${inside.run}/guest.sock`,
    "--socket",
    "@clauderon-guest",
    "--hook-socket",
    "@clauderon-hook",
    "--proxy-port",
    String(channel?.proxyPort ?? inside.proxyPort),
    ...(channel?.directory !== undefined && channelKind === "socket"
      ? ["--channel-socket", `${inside.channel}/proxy.sock`]
      : []),
  ];
}

function environmentOf({ environment }: SandboxSpec): readonly string[] {
  const variables: Record<string, string> = { HOME: inside.home };
  for (const name of plainVariables) {
    const value = environment[name];
    // A user and a token may stand before the host.
    if (value !== undefined && !value.includes("@")) variables[name] = value;
  }
  return Object.entries(variables).map(([name, value]) => `${name}=${value}`);
}

function hostConfig(request: ContainerRequest): Readonly<Record<string, unknown>> {
  const { spec, limits, facts } = request;
  const { cpus, memoryBytes, processes } = limits;
  return {
    Init: false,
    AutoRemove: false,
    RestartPolicy: { Name: "no" },
    Mounts: mounts(request),
    Tmpfs: { "/tmp": "rw,nosuid,nodev,exec,mode=1777", "/run": "rw,nosuid,nodev,mode=755" },
    NetworkMode: networkFor(spec.network),
    ExtraHosts: ["host.docker.internal:127.0.0.1", `${spec.name}:127.0.0.1`],
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges:true"],
    ReadonlyRootfs: true,
    Privileged: false,
    IpcMode: "private",
    CgroupnsMode: "private",
    ShmSize: 256 * mebibyte,
    LogConfig: { Type: "local", Config: { "max-size": "10m", "max-file": "3" } },
    ...(facts.hasUserNamespace ? { UsernsMode: "host" } : {}),
    ...(processes === undefined ? {} : { PidsLimit: processes }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
  };
}

/** Nothing but loopback, where the guest's port is the way out; the proxy knows what is listed. */
export function networkFor(policy: NetworkPolicy | undefined): "none" | "bridge" {
  return policy?.mode === "open" ? "bridge" : "none";
}

interface Mount {
  readonly Type: "bind";
  readonly Source: string;
  readonly Target: string;
  readonly ReadOnly: boolean;
}

function mounts({ spec, places, programs }: ContainerRequest): readonly Mount[] {
  const { workspace, channel } = spec;
  const bind = (Source: string, Target: string, ReadOnly = false): Mount => ({
    Type: "bind",
    Source,
    Target,
    ReadOnly,
  });
  const { hostPath, gitFile } = workspace;
  return [
    ...(hostPath === undefined ? [] : [bind(hostPath, inside.workspace)]),
    ...(gitFile === undefined
      ? []
      : [
          bind(gitFile.hostPath, `${inside.workspace}/.git`, true),
          bind(gitFile.directory, gitFile.directory),
          ...(gitFile.borrows ?? []).map((place) => bind(place, place, true)),
        ]),
    bind(programs, inside.program, true),
    bind(places.run, inside.run),
    bind(places.home, inside.home),
    ...(channel?.directory === undefined ? [] : [bind(channel.directory, inside.channel, true)]),
  ];
}
