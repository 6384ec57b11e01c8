import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Backend, BackendContext, Sandbox, SandboxSpec } from "@clauderon/core/contract";
import { collectBytes, createHostContext } from "@clauderon/core/host";
import { describeBackendContract } from "@clauderon/core/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createDockerBackend, type DockerBackendOptions } from "../src/index.ts";
import { buildGuest, docker, testImage, whyNoDocker } from "./required-docker.ts";

const missing = whyNoDocker("sandboxes in Docker containers");
const guest = missing === undefined ? buildGuest() : undefined;
afterAll(() => guest?.[Symbol.dispose]());
const options: DockerBackendOptions = { guest, defaultImage: testImage, pullPolicy: "never" };

interface World {
  readonly backend: Backend;
  readonly spec: (overrides?: Partial<SandboxSpec>) => Promise<SandboxSpec>;
}

describe.skipIf(missing !== undefined)("a sandbox in a Docker container", () => {
  let root = "";
  let context: BackendContext;
  let world: World;
  const made: Sandbox[] = [];

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "clauderon-docker-"));
    context = createHostContext({ homeDirectory: join(root, "home"), instanceId: randomUUID() });
    world = {
      backend: createDockerBackend(context, options),
      async spec(overrides = {}) {
        const sandboxId = randomUUID();
        const hostPath = join(root, "workspaces", sandboxId);
        await mkdir(hostPath, { recursive: true });
        await writeFile(join(hostPath, "README.md"), "a workspace\n");
        const environment = { SECRET_OF_THE_SESSION: "in memory alone" };
        return { sandboxId, name: `real-${sandboxId.slice(0, 8)}`, workspace: { hostPath }, environment, ...overrides };
      },
    };
  });
  afterAll(async () => {
    for (const sandbox of made) await sandbox.destroy({ graceMs: 0 });
    await world.backend.close();
    await rm(root, { recursive: true, force: true });
  });

  async function sandbox(overrides?: Partial<SandboxSpec>): Promise<Sandbox> {
    const created = await world.backend.create(await world.spec(overrides));
    made.push(created);
    return created;
  }

  async function sh(inside: Sandbox, script: string): Promise<string> {
    const process = await inside.exec(["sh", "-c", script]);
    const [stdout, stderr] = await Promise.all([collectBytes(process.stdout), collectBytes(process.stderr)]);
    await process.exit;
    return Buffer.concat([stdout, stderr]).toString();
  }

  it("has no power, no network but loopback, nothing of the machine, and a root that cannot be written", async () => {
    const one = await sandbox();
    const seen = await sh(one, "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status");
    expect(seen).toMatch(/CapBnd:\t0+\n/u);
    expect(seen).toMatch(/CapEff:\t0+\n/u);
    expect(seen).toMatch(/NoNewPrivs:\t1\n/u);
    expect(await sh(one, "id -u")).not.toBe("0\n");
    expect(await sh(one, "touch /usr/x /x 2>&1")).toMatch(/Read-only file system[^]*Read-only file system/u);
    expect(await sh(one, "touch /tmp/x $HOME/x && cp /bin/true /tmp/t && /tmp/t && echo ok")).toBe("ok\n");
    expect(await sh(one, "ls /sys/class/net; cat /proc/net/route | wc -l")).toBe("lo\n1\n");
    expect(await sh(one, "getent hosts host.docker.internal $(hostname) | cut -d' ' -f1 | sort -u")).toBe(
      "127.0.0.1\n",
    );
    expect(await sh(one, "ls /var/run/docker.sock /run/docker.sock 2>&1 | grep -c 'No such file'")).toBe("2\n");
    expect(await sh(one, "cat /proc/1/environ 2>&1")).toContain("Permission denied");
    expect(await sh(one, "ls /run/clauderon")).toBe("guest.sock\n");
    expect(
      await sh(one, "cat /opt/clauderon/clauderon-guest > /dev/null && echo x > /opt/clauderon/clauderon-guest"),
    ).toMatch(/Read-only|denied/u);
    expect(await sh(one, "ps -A -o comm= | sort | uniq -c | sort -rn | head -1")).not.toContain("systemd");
    expect((await one.inspect()).egress).toBe("sealed");
    expect(docker("inspect", `clauderon-${one.name}`)).not.toContain("in memory alone");
    expect(await sh(one, "echo $SECRET_OF_THE_SESSION")).toBe("in memory alone\n");
  }, 120_000);

  it("has the limits that were asked for", async () => {
    const one = await sandbox({ limits: { cpus: 0.5, memoryBytes: 128 * 1024 ** 2, processes: 100 } });
    const format =
      "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}";
    const host = docker("inspect", "--format", format, `clauderon-${one.name}`);
    expect(host).toBe(`500000000 ${128 * 1024 ** 2} ${128 * 1024 ** 2} 100`);
    // Too much memory ends who takes it, and not the sandbox.
    const greedy = await one.exec(["sh", "-c", "head -c 400m /dev/zero | tail"]);
    await Promise.all([greedy.stdout.cancel(), greedy.stderr.cancel()]);
    expect((await greedy.exit).exitCode).not.toBe(0);
    expect((await one.inspect()).state).toBe("running");
    const forks = await sh(one, "for n in $(seq 200); do sleep 30 & done 2>&1 | tail -1; kill $(jobs -p); true");
    expect(forks).toMatch(/fork|Resource/iu);
  }, 120_000);

  it.each([
    [{ limits: { cpus: 1000 } }, "usage.invalid", "more than there are"],
    [{ image: "localhost/does-not-exist:1" }, "sandbox.start-failed", "(--image)"],
    [{ image: "Not An Image" }, "usage.invalid", "no image's name"],
    [{ user: "1000" }, "capability.unsupported", "choice of user"],
  ])(
    "with %j is refused, and nothing is left",
    async (overrides, code, words) => {
      const spec = await world.spec(overrides);
      const refused = world.backend.create(spec);
      await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
      expect(await world.backend.open(spec.sandboxId)).toBeUndefined();
      expect(docker("ps", "--all", "--quiet", "--filter", `name=clauderon-${spec.name}`)).toBe("");
    },
    60_000,
  );

  it("that is put into a network behind our back is not called sealed", async () => {
    const one = await sandbox();
    const name = `clauderon-${one.name}`;
    docker("network", "disconnect", "none", name);
    docker("network", "connect", "bridge", name);
    expect((await one.inspect()).egress).toBe("open");
    expect(await sh(one, "ls /sys/class/net")).toContain("eth0");
    await one.network({ mode: "listed" });
    expect((await one.inspect()).egress).toBe("sealed");
    expect(await sh(one, "ls /sys/class/net")).toBe("lo\n");
    await one.network({ mode: "open" });
    expect((await one.inspect()).egress).toBe("open");
    await one.network({ mode: "none" });
    expect(await sh(one, "ls /sys/class/net")).toBe("lo\n");
  }, 120_000);

  it("is seen as it is when somebody pauses, renames, kills and removes it", async () => {
    const one = await sandbox();
    const name = `clauderon-${one.name}`;
    docker("pause", name);
    expect(await one.inspect()).toMatchObject({ state: "unknown", reason: expect.stringContaining("docker unpause") });
    docker("unpause", name);
    expect((await one.inspect()).state).toBe("running");
    docker("rename", name, `${name}-other`);
    expect((await one.inspect()).state).toBe("running");
    expect(await sh(one, "echo still")).toBe("still\n");
    docker("rename", `${name}-other`, name);
    docker("kill", name);
    expect((await one.inspect()).state).toBe("stopped");
    await expect(one.exec(["true"])).rejects.toMatchObject({ code: "sandbox.not-running" });
    await one.start();
    expect(await sh(one, "cat README.md")).toBe("a workspace\n");
    docker("rm", "--force", name);
    expect((await one.inspect()).state).toBe("missing");
    await expect(one.exec(["true"])).rejects.toMatchObject({ code: "sandbox.not-found" });
    await expect(one.start()).rejects.toMatchObject({ code: "sandbox.not-found" });
  }, 120_000);

  it("goes on when its agent removes the guest's socket, and does not believe what is put in its place", async () => {
    const one = await sandbox();
    await sh(one, "rm /run/clauderon/guest.sock");
    // A new object has no connection yet.
    await using again = createDockerBackend(context, options);
    const found = await again.open(one.sandboxId);
    expect(found === undefined ? "" : await sh(found, "echo still")).toBe("still\n");
    await sh(one, "ln -s /tmp/elsewhere /run/clauderon/guest.sock");
    await using third = createDockerBackend(context, options);
    const lured = await third.open(one.sandboxId);
    const answer = lured === undefined ? "" : await sh(lured, "echo still").catch((error: Error) => error.message);
    expect(answer).toMatch(/still|not a socket|ELOOP|Something else/u);
  }, 120_000);
});

// The same by the engine's exec, as where sockets do not cross mounts.
if (missing === undefined) {
  describeBackendContract({
    name: "docker",
    create: (context) => createDockerBackend(context, { ...options, channel: "stream" }),
    only: [
      "create:exec-works",
      "create:concurrent:objects",
      "exec:streams:both-full",
      "exec:input:10-mebibytes",
      "exec:output:cancelled",
      "exec:parallel:20",
      "exec:terminal:interrupt",
      "terminal:replay:reconnect",
      "terminal:paused",
      "terminal:backend:new-object",
      "lifecycle:start:launch",
      "lifecycle:stop:grace",
      "cleanup:destroy",
      "cleanup:processes",
      "cleanup:files",
    ],
  });
}
