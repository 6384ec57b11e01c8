import { ClauderonError } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { isRepositoryUrl, redactUrl, repositoryIdOf, validateRepositoryUrl } from "./repository-url.ts";

function isRefused(url: string): boolean {
  try {
    validateRepositoryUrl(url);
    return false;
  } catch (error) {
    return ClauderonError.isInstance(error, "repository.not-found");
  }
}

describe("addresses", () => {
  it.each([
    "https://example.com/a/b.git",
    "ssh://git@example.com:22/a/b",
    "git@example.com:a/b.git",
    "file:///srv/a b",
    "http://localhost/x",
    "https://user:token@example.com/x",
  ])("%s is taken", (url) => {
    expect(isRepositoryUrl(url)).toBe(true);
    expect(isRefused(url)).toBe(false);
  });

  it.each(["/home/me/repository", "./x", "x", "/a:b", "C", "/a@b:c", "-x"])("%s is a path", (path) => {
    expect(isRepositoryUrl(path)).toBe(false);
  });

  it.each([
    "ext::sh -c touch% /tmp/x",
    "fd::17",
    "ssh://-oProxyCommand=touch/x",
    "ssh://%2doProxyCommand=touch/x",
    "ssh://user@-oProxyCommand=touch/x",
    "-oProxyCommand=touch@host:x",
    "git@-oProxyCommand=x:y",
    "git@host:-x",
    "--upload-pack=touch://x",
    "https://example.com/a\nb",
    "https://example.com/a\rb",
    "https://example.com/a\0b",
    "https://example.com%0ahost=evil/x",
    "https://example.com/%0D%0A",
    "https://example.com/%00",
    "git://example.com/x",
    "ftp://example.com/x",
    "javascript://x",
    "https:///x",
  ])("%j is refused", (url) => {
    expect(isRepositoryUrl(url)).toBe(true);
    expect(isRefused(url)).toBe(true);
  });

  it("have one directory each, the same with and without .git", () => {
    expect(repositoryIdOf("https://example.com/team/widget.git")).toMatch(/^widget-[0-9a-f]{16}$/u);
    expect(repositoryIdOf("https://example.com/team/widget/")).toBe(
      repositoryIdOf("https://example.com/team/widget.git"),
    );
    expect(repositoryIdOf("https://example.com/other/widget")).not.toBe(
      repositoryIdOf("https://example.com/team/widget"),
    );
    expect(repositoryIdOf("https://example.com/..")).toMatch(/^repository-/u);
  });

  it("show no secret", () => {
    expect(redactUrl("fatal: https://user:token@example.com/x failed")).toBe("fatal: https://example.com/x failed");
  });
});
