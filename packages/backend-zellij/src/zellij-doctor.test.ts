import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { DoctorReport } from "@clauderon/core/contract";
import { createHostContext } from "@clauderon/core/host";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createZellijBackend } from "./create-zellij-backend.ts";

describe("doctor", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "doctor-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

  /** A program that says its version, and answers `list-sessions` as told. */
  const examine = async (version: string, answer = "exit 1"): Promise<DoctorReport> => {
    const program = join(directory, "zellij");
    const script = `#!/bin/sh\ncase $1 in --version) echo ${JSON.stringify(version)} ;; *) ${answer} ;; esac\n`;
    await writeFile(program, script);
    await chmod(program, 0o755);
    return await report(program);
  };
  const report = async (program: string): Promise<DoctorReport> => {
    const context = createHostContext({ homeDirectory: directory, instanceId: randomUUID() });
    await using backend = createZellijBackend(context, { program });
    return await backend.doctor();
  };
  const status = (found: DoctorReport, id: string) => found.checks.find((check) => check.id === id)?.status;

  it("says how to install what is not there", async () => {
    const found = await report(join(directory, "none"));
    expect(found.isUsable).toBe(false);
    const check = found.checks.find(({ id }) => id === "program");
    expect(check).toMatchObject({ status: "failed" });
    expect(check?.fix).toMatch(/brew install zellij.*cargo install zellij/u);
  });

  it("names the version found and the one needed when it is too old", async () => {
    const found = await examine("zellij 0.43.1");
    expect(found).toMatchObject({ isUsable: false, version: "0.43.1" });
    const check = found.checks.find(({ id }) => id === "version");
    expect(check?.message).toMatch(/0\.43\.1.*0\.44\.3/u);
  });

  it.each([
    ["zellij 0.44.3", "ok"],
    ["zellij 0.45.0", "warning"],
    ["zellij 0.45.1", "warning"],
    ["zellij 0.46.0", "ok"],
    ["something else", "warning"],
  ])("uses %s: %s", async (version, expected) => {
    const found = await examine(version);
    expect(found.isUsable).toBe(true);
    expect(status(found, "version")).toBe(expected);
    expect(status(found, "sessions")).toBe("ok");
  });

  it("is not usable when zellij fails", async () => {
    const found = await examine("zellij 0.44.3", "echo broken >&2; exit 3");
    expect(found.isUsable).toBe(false);
    expect(status(found, "sessions")).toBe("failed");
  });
});
