import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";

import { expect, it } from "vitest";

import { fixture, planned } from "./git-fixture.ts";

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

it("git that is not installed is told", async () => {
  const world = fixture();
  const provider = world.providerWith({ environment: { ...world.environment, PATH: "/nonexistent" } });
  await expect(provider.resolve(world.repository)).rejects.toMatchObject({ code: "command.not-found" });
});
