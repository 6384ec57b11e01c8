import { SandboxError, type ClauderonError } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { EngineError } from "./engine-error.ts";
import { mapDockerError } from "./map-docker-error.ts";

const place = { message: "The container of fix could not be started", socketPath: "/run/d.sock" };
const mapped = (error: unknown): ClauderonError => mapDockerError(error, place) as ClauderonError;

describe("What the engine says, in words", () => {
  it.each([
    ["EACCES", "No permission to use Docker at /run/d.sock", "sudo usermod -aG docker $USER"],
    ["ENOENT", "Docker is not running (looked at /run/d.sock)", "systemctl start docker"],
    ["ECONNREFUSED", "Docker is not running (looked at /run/d.sock)", "docker info"],
    ["TIMEOUT", "Docker does not answer at /run/d.sock", "restart it"],
    ["ECONNRESET", "The connection to Docker at /run/d.sock broke off", "try again"],
  ])("%s is told as it is, and can be tried again", (systemCode, message, fix) => {
    const error = mapped(new EngineError("as the system says", { systemCode }));
    expect(error).toMatchObject({ code: "backend.unavailable", message, retryable: true });
    expect(error.fix.join("\n")).toContain(fix);
  });

  it.each([
    ['invalid mount config for type "bind": bind source path does not exist: /x', "share the folder"],
    ["mounts denied: The path /x is not shared from the host", "share the folder"],
    ["write /var/lib/docker/x: no space left on device", "docker system prune"],
    ['OCI runtime create failed: exec: "/opt/x": exec format error: unknown', "choose an image"],
    ["unable to find user nobody: no matching entries in passwd file", "--user 1000:1000"],
    ["unknown or invalid runtime name: runsc", "docker info"],
    ["could not find an available, non-overlapping IPv4 address pool", "docker network prune"],
    ["Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "--cpu-limit 1"],
    ["Minimum memory limit allowed is 6MB", "--memory-limit 512m"],
    ["something that nobody has seen before", "docker events"],
  ])("%s", (said, fix) => {
    const error = mapped(new EngineError(said, { status: 500 }));
    expect(error).toMatchObject({ code: "sandbox.start-failed", message: place.message, why: said });
    expect(error.fix.join("\n")).toContain(fix);
    expect(error.cause).toBeInstanceOf(EngineError);
  });

  it("leaves errors of ours, and whatever else, as they are", () => {
    const own = new SandboxError({ message: "own", fix: ["mend it"] });
    const other = new Error("other");
    expect([mapped(own), mapped(other)]).toEqual([own, other]);
  });
});
