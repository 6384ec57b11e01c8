import { recordOf } from "../endpoint/docker-config.ts";
import type { ContainerEntry, ContainerStatus, EngineFacts, ImageFacts } from "./engine-types.ts";

type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const texts = (value: unknown): readonly string[] => list(value).filter((item) => typeof item === "string");
const textMap = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(recordOf(value)).map(([name, item]) => [name, text(item)]));

const architectures: Readonly<Record<string, string>> = {
  amd64: "x64",
  x86_64: "x64",
  arm64: "arm64",
  aarch64: "arm64",
};

const architectureOf = (name: string): string => architectures[name] ?? name;

export function readFacts(ping: Fields, version: Fields, info: Fields): EngineFacts {
  const options = texts(info["SecurityOptions"]);
  const components = list(version["Components"]).map((component) => text(recordOf(component)["Name"]));
  return {
    version: text(version["Version"]),
    apiVersion: text(version["ApiVersion"]) || text(ping["api-version"]),
    minApiVersion: text(version["MinAPIVersion"]) || "1.12",
    os: text(version["Os"]) || text(info["OSType"]),
    architecture: architectureOf(text(version["Arch"]) || text(info["Architecture"])),
    operatingSystem: text(info["OperatingSystem"]),
    isPodman: text(ping["libpod-api-version"]) !== "" || components.includes("Podman Engine"),
    isRootless: options.some((option) => option.startsWith("name=rootless")),
    hasUserNamespace: options.some((option) => option.startsWith("name=userns")),
    processors: number(info["NCPU"]),
    memoryBytes: number(info["MemTotal"]),
    canLimitCpu: info["CpuCfsQuota"] !== false,
    canLimitMemory: info["MemoryLimit"] !== false,
    canLimitProcesses: info["PidsLimit"] !== false,
    runtimes: Object.keys(recordOf(info["Runtimes"])),
    warnings: texts(info["Warnings"]),
  };
}

export function readContainer(answer: Fields): ContainerStatus {
  const state = recordOf(answer["State"]);
  const config = recordOf(answer["Config"]);
  return {
    id: text(answer["Id"]),
    name: text(answer["Name"]).replace(/^\//u, ""),
    state: text(state["Status"]),
    processId: number(state["Pid"]),
    exitCode: number(state["ExitCode"]),
    error: text(state["Error"]),
    isOutOfMemory: state["OOMKilled"] === true,
    startedAt: text(state["StartedAt"]),
    labels: textMap(config["Labels"]),
    image: text(answer["Image"]),
    networks: Object.keys(recordOf(recordOf(answer["NetworkSettings"])["Networks"])),
    networkMode: text(recordOf(answer["HostConfig"])["NetworkMode"]),
    user: text(config["User"]),
    mounts: list(answer["Mounts"])
      .map(recordOf)
      .map((mount) => ({
        source: text(mount["Source"]),
        target: text(mount["Destination"]),
        isWritable: mount["RW"] === true,
      })),
  };
}

export function readEntries(answer: unknown): readonly ContainerEntry[] {
  return list(answer).map((item) => {
    const entry = recordOf(item);
    return {
      id: text(entry["Id"]),
      name: (texts(entry["Names"])[0] ?? "").replace(/^\//u, ""),
      state: text(entry["State"]),
      labels: textMap(entry["Labels"]),
    };
  });
}

export function readImage(answer: Fields): ImageFacts {
  const config = recordOf(answer["Config"]);
  return {
    id: text(answer["Id"]),
    os: text(answer["Os"]),
    architecture: architectureOf(text(answer["Architecture"])),
    user: text(config["User"]),
    environment: texts(config["Env"]),
    digests: texts(answer["RepoDigests"]),
  };
}
