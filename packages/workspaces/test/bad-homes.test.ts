import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { fixture, made, planned, snapshot } from "./git-fixture.ts";

it("a home that is a file is told with the fix", async () => {
  const world = fixture();
  writeFileSync(world.home, "");
  await expect(planned(world)).rejects.toMatchObject({
    code: "repository.failed",
    fix: ["set CLAUDERON_HOME to a directory"],
  });
});

it.skipIf(process.getuid?.() === 0)("a home that cannot be written is told with the fix", async () => {
  const world = fixture();
  mkdirSync(world.home);
  chmodSync(world.home, 0o500);
  await expect(planned(world)).rejects.toMatchObject({
    code: "repository.failed",
    why: expect.stringContaining("EACCES"),
  });
  chmodSync(world.home, 0o700);
});

it("a repository that vanishes between plan and create is told", async () => {
  const world = fixture();
  const { request, record } = await planned(world);
  rmSync(world.repository, { recursive: true });
  await expect(world.provider.create(request, record)).rejects.toMatchObject({
    code: expect.stringMatching(/^repository\./u),
  });
  expect(await Array.fromAsync(world.provider.list())).toEqual([]);
});

it("git that is too old is told before it is trusted with anything", async () => {
  const world = fixture();
  const { request, record, info } = await made(world);
  world.write({ "work.txt": "precious\n" }, record.path);
  const programs = join(world.root, "old");
  const traces = join(world.root, "traces");
  world.write(
    { git: `#!/bin/sh\n[ "$1" = --version ] && echo git version 2.30.2 || echo "$*" >> ${traces}\n` },
    programs,
  );
  chmodSync(join(programs, "git"), 0o755);
  const environment = { ...world.environment, PATH: programs };
  const old = world.providerWith({ environment });
  const before = snapshot(world.root);
  const id = "00000000-6c3d-4a52-9d0e-6a9e3a1f7d11";
  const at = "2026-01-01T00:00:00.000Z";
  const calls = [
    () => old.resolve(world.repository),
    () => old.plan({ ...request, sessionId: "other", name: "other", repository: info, base: "main" }),
    () => old.status(record),
    () => old.diff(record),
    () => old.remove(record, { sessionId: request.sessionId, force: true, undo: { at, session: {} } }),
    () => old.results.take(id, record, { kind: "merge", name: "fix", at, session: {}, keeps: true }),
    () =>
      old.checkpoints.create(record, {
        id,
        sessionId: request.sessionId,
        name: "fix",
        at,
        trigger: "user",
        session: {},
      }),
  ];
  for (const call of calls)
    await expect(call()).rejects.toMatchObject({
      code: "command.not-found",
      message: expect.stringContaining("git 2.30 is too old"),
      fix: expect.arrayContaining([expect.stringContaining("newer git")]),
    });
  await Array.fromAsync(old.list());
  expect(snapshot(world.root)).toEqual(before);
});
