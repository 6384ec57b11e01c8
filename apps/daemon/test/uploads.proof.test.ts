import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

import { inside, place } from "./private-place.ts";
import { inside as far, remotePlace } from "./remote-place.ts";

const output = (directory: string, ...args: readonly string[]): string =>
  execFileSync("git", ["-C", directory, ...args], { encoding: "utf8" });

test("in a sandbox of its own git sees nothing of it on either side; ignored files over the limit are others", async () => {
  const { engine, repository } = place({ undoIgnoredLimitBytes: 1 });
  const session = await engine.sessions.create({ repository, name: "one" });
  const { path: uploaded } = await session.upload({ name: "a.txt", content: Buffer.from("for the agent") });
  const { workspace } = await session.detail();
  expect(await inside(session, "cat", uploaded)).toBe("for the agent");
  expect(await inside(session, "git", "status", "--porcelain", "-uall")).toBe("");
  expect(output(workspace, "status", "--porcelain", "-uall")).toBe("");
  expect(await session.delete()).toMatchObject({ name: "one" });
}, 120_000);

test("far away it lies in the sandbox, and nothing of it is the session's work", async () => {
  const { engine, repository } = remotePlace();
  const session = await engine.sessions.create({ repository, name: "one" });
  const { path: uploaded } = await session.upload({ name: "a.txt", content: Buffer.from("for the agent") });
  expect(await far(session, `cat ${uploaded}; git status --porcelain -uall`)).toBe("for the agent");
  expect(await session.diff({ format: "names" })).toBe("");
  expect(await session.delete()).toMatchObject({ name: "one" });
}, 120_000);
