import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { loadSettings } from "@clauderon/core";
import { silentLogger } from "@clauderon/core/contract";
import { collectBytes } from "@clauderon/core/host";
import { fakeAgentPath } from "@clauderon/core/testing";
import { expect, onTestFinished, test } from "vitest";

import { compose } from "../src/compose.ts";
import { git, makeRepository } from "./daemon-rig.ts";

const revision = (directory: string, name: string): string =>
  execFileSync("git", ["rev-parse", name], { cwd: directory, encoding: "utf8" }).trim();

/** What a session of an isolating backend can read of the repository, with that line in the user's configuration. */
async function seenWith(line: string): Promise<(commit: string) => Promise<boolean>> {
  const root = mkdtempSync(path.join(tmpdir(), "clauderon-refs-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const homeDirectory = path.join(root, "h");
  mkdirSync(homeDirectory, { mode: 0o700 });
  const repository = makeRepository(path.join(root, "repository"));
  git(repository, "switch", "--create", "internal");
  git(repository, "commit", "--allow-empty", "--message", "Internal");
  git(repository, "switch", "main");
  git(repository, "tag", "released", "main");
  const module = path.join(import.meta.dirname, "isolated-backend.fixture.ts");
  const agent = JSON.stringify([process.execPath, fakeAgentPath()]);
  const text = `[general]\ndefault_backend = "box"\ndefault_agent = "fake"\n[agents.fake]\ncommand = ${agent}\n[backends.box]\nmodule = ${JSON.stringify(module)}\n[workspace]\n${line}\n`;
  writeFileSync(path.join(homeDirectory, "config.toml"), text);
  const settings = await loadSettings({ homeDirectory, environment: {} });
  const composition = await compose({ settings, environment: process.env, logger: silentLogger });
  const { engine } = composition;
  stack.use(composition);
  stack.defer(async () => {
    for (const { id } of await engine.sessions.list()) await (await engine.sessions.get(id)).delete({ discard: true });
  });
  const session = await engine.sessions.create({ repository, name: "one" });
  const isSeen = async (commit: string): Promise<boolean> => {
    const handle = await session.spawn(["git", "cat-file", "-e", commit]);
    await collectBytes(handle.stdout);
    return (await handle.exit).exitCode === 0;
  };
  const owned = stack.move();
  onTestFinished(() => owned.disposeAsync());
  return (name) => isSeen(revision(repository, name));
}

test(
  "workspace.refs says which branches a session on a backend that isolates can read",
  { timeout: 120_000 },
  async () => {
    const all = await seenWith("");
    expect([await all("main"), await all("internal")]).toEqual([true, true]);
    const narrowed = await seenWith('refs = ["refs/heads/*", "^refs/heads/internal"]');
    expect([await narrowed("main"), await narrowed("internal")]).toEqual([true, false]);
  },
);

test("workspace.refs that names no reference is refused with its place", async () => {
  await expect(seenWith('refs = ["main"]')).rejects.toMatchObject({
    code: "settings.invalid",
    message: expect.stringContaining("workspace.refs"),
  });
});
