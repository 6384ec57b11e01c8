import { join } from "node:path";

import type { Environment } from "./docker-config.ts";

export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly userHome: string;
  readonly environment: Environment;
}

/** Where products listen that nobody has to configure, the engine of the system first. */
export function usualSockets({ platform, userHome, environment }: Machine): readonly string[] {
  const inHome = (...parts: readonly string[]): string => join(userHome, ...parts);
  const runtime = environment["XDG_RUNTIME_DIR"] ?? "";
  const configuration = environment["XDG_CONFIG_HOME"] || inHome(".config");
  const colima = environment["COLIMA_HOME"] ?? "";
  const profile = environment["COLIMA_PROFILE"] || "default";
  const system = "/var/run/docker.sock";
  const desktop = inHome(".docker", "run", "docker.sock");
  return [
    ...(platform === "darwin" ? [desktop, system] : [system]),
    ...(runtime === "" ? [] : [join(runtime, "docker.sock")]),
    ...(platform === "darwin" ? [] : [inHome(".docker", "desktop", "docker.sock"), desktop]),
    ...(colima === "" ? [] : [join(colima, profile, "docker.sock")]),
    inHome(".colima", profile, "docker.sock"),
    join(configuration, "colima", profile, "docker.sock"),
    inHome(".orbstack", "run", "docker.sock"),
    inHome(".rd", "docker.sock"),
    inHome(".lima", "docker", "sock", "docker.sock"),
  ];
}
