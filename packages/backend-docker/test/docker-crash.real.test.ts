import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { createHostContext } from "@clauderon/core/host";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createDockerBackend } from "../src/index.ts";
import type { CrashRequest } from "./crash-child.fixture.ts";
import { buildGuest, docker, testImage, whyNoDocker } from "./required-docker.ts";

const missing = whyNoDocker("kill -9 while a sandbox is made in Docker");
const guest = missing === undefined ? buildGuest() : undefined;
afterAll(() => guest?.[Symbol.dispose]());
const program = fileURLToPath(new URL("crash-child.fixture.ts", import.meta.url));

describe.skipIf(missing !== undefined)("kill -9 of the process that makes a sandbox", () => {
  let root = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "clauderon-crash-"));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it("leaves at every request to the engine what the next one makes whole, once, or takes away", async () => {
    const instanceId = randomUUID();
    let isMade = false;
    let crashes = 0;
    for (let request = 1; !isMade; request += 1) {
      for (const isAfter of [false, true]) {
        const homeDirectory = join(root, `home-${request}-${isAfter}`);
        const sandboxId = randomUUID();
        const hostPath = join(root, sandboxId);
        await mkdir(hostPath);
        const spec = {
          sandboxId,
          name: `crash-${sandboxId.slice(0, 8)}`,
          workspace: { hostPath },
          environment: { A: "1" },
        };
        const asked: CrashRequest = {
          homeDirectory,
          instanceId,
          guest: { directory: guest?.directory ?? "", binaries: guest?.binaries ?? "" },
          image: testImage,
          spec,
          request,
          isAfter,
        };
        const child = spawn(process.execPath, ["--conditions", "@clauderon/source", program, JSON.stringify(asked)], {
          stdio: ["ignore", "ignore", "inherit"],
        });
        const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
        expect([0, null]).toContain(code);
        isMade ||= code === 0;
        crashes += signal === "SIGKILL" ? 1 : 0;
        const context = createHostContext({ homeDirectory, instanceId });
        await using backend = createDockerBackend(context, { guest, defaultImage: testImage, pullPolicy: "never" });
        // Every other one is taken away as it was found.
        if (request % 2 === 0) {
          const sandbox = await backend.create(spec);
          expect((await sandbox.inspect()).state).toBe("running");
          expect(await (await sandbox.exec(["true"])).exit).toMatchObject({ exitCode: 0 });
          expect(await Array.fromAsync(backend.list())).toHaveLength(1);
        }
        await (await backend.open(sandboxId))?.destroy({ graceMs: 0 });
        expect(await Array.fromAsync(backend.list())).toEqual([]);
        expect(docker("ps", "--all", "--quiet", "--filter", `name=clauderon-${spec.name}`)).toBe("");
        const left = await readdir(join(homeDirectory, "state", "docker")).catch(() => []);
        expect(left).toEqual([]);
      }
    }
    expect(crashes).toBeGreaterThan(10);
  }, 280_000);
});
