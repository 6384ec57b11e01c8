import { spawn, spawnSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";

import { describeHostProtocol, type HostUnderTest } from "@clauderon/terminal/testing";
import { describe, vi } from "vitest";

import { buildGuest, hasGo } from "./required-go.ts";

const image = process.env["CLAUDERON_TEST_IMAGE"];
const user = 12_345;

function docker(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

const words = (text: string): readonly string[] => text.split(/\s+/u);

/** Docker, an image, and the right to give a directory to another user. */
function hasDocker(): boolean {
  const isThere = image !== undefined && spawnSync("docker", ["version"]).status === 0 && process.getuid?.() === 0;
  if (isThere) return hasGo("the host protocol's suite on a guest in a container");
  const why =
    "the host protocol's suite on a guest in a container did not run: it needs Docker, CLAUDERON_TEST_IMAGE and root";
  if ((process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("docker"))
    throw new Error(`${why}, but CLAUDERON_REQUIRE contains docker`);
  process.stdout.write(`${why}\n`);
  return false;
}

/** A guest as PID 1 of a container without a network, as a user that the image does not know. */
async function startContainer(dial: "socket" | "exec"): Promise<HostUnderTest> {
  const built = buildGuest();
  const directory = mkdtempSync(join(tmpdir(), "clauderon-guest-"));
  const program = join(directory, "clauderon-guest");
  writeFileSync(program, readFileSync(built.program), { mode: 0o755 });
  built[Symbol.dispose]();
  const key = randomBytes(32);
  writeFileSync(join(directory, "key"), key.toString("hex"), { mode: 0o600 });
  for (const path of [directory, join(directory, "key")]) chownSync(path, user, user);
  chmodSync(directory, 0o700);
  const name = `clauderon-guest-${randomUUID()}`;
  const options = `--network none --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp:exec,mode=1777
    --user ${user}:${user} --name ${name} --volume ${directory}:/run/clauderon`;
  const command = `/run/clauderon/clauderon-guest run --key-file /run/clauderon/key
    --socket /run/clauderon/guest.sock --socket @clauderon-guest`;
  docker("run", "--detach", ...words(options), image ?? "", ...words(command));
  await vi.waitUntil(() => existsSync(join(directory, "guest.sock")), { timeout: 20_000, interval: 10 });
  const processId = docker("inspect", "--format", "{{.State.Pid}}", name);
  return {
    key,
    workspace: "/tmp",
    async connect() {
      if (dial === "exec") {
        const child = spawn("docker", ["exec", "--interactive", name, "/run/clauderon/clauderon-guest", "connect"]);
        return Duplex.from({ readable: child.stdout, writable: child.stdin });
      }
      const socket = connect(join(directory, "guest.sock"));
      await once(socket, "connect");
      return socket;
    },
    async memoryBytes() {
      return Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1]) * 1024;
    },
    async stop() {
      docker("rm", "--force", name);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

describe.runIf(hasDocker())("a guest in a container", () => {
  describeHostProtocol({ name: "guest, by a socket in a mounted directory", start: () => startContainer("socket") });
  describeHostProtocol({ name: "guest, by the engine's exec", start: () => startContainer("exec") });
});
