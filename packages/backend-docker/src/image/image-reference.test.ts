import { describe, expect, it } from "vitest";

import { parseImageReference } from "./image-reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("The name of an image", () => {
  it.each([
    ["node", "docker.io", "node", "latest", "node:latest"],
    ["rust:1.85", "docker.io", "rust", "1.85", "rust:1.85"],
    ["buildpack-deps:bookworm", "docker.io", "buildpack-deps", "bookworm", "buildpack-deps:bookworm"],
    ["ghcr.io/anthropics/claude-code:latest", "ghcr.io", "ghcr.io/anthropics/claude-code", "latest", "ghcr.io/anthropics/claude-code:latest"],
    ["localhost:5000/a/b", "localhost:5000", "localhost:5000/a/b", "latest", "localhost:5000/a/b:latest"],
    ["localhost/a", "localhost", "localhost/a", "latest", "localhost/a:latest"],
    ["me/tool", "docker.io", "me/tool", "latest", "me/tool:latest"],
    ["index.docker.io/library/node:22", "docker.io", "index.docker.io/library/node", "22", "index.docker.io/library/node:22"],
    [`node@${digest}`, "docker.io", "node", digest, `node@${digest}`],
    [`node:22@${digest}`, "docker.io", "node", digest, `node:22@${digest}`],
    ["[::1]:5000/a", "[::1]:5000", "[::1]:5000/a", "latest", "[::1]:5000/a:latest"],
  ])("%s is read", (text, registry, name, version, whole) => {
    expect(parseImageReference(text)).toEqual({ registry, name, version, whole });
  });

  it.each([
    ["", /empty/u],
    ["Node", /capital letters/u],
    ["node:", /no tag/u],
    ["node:ta g", /no tag/u],
    ["node@sha256:12", /no digest/u],
    [`a@${digest}@${digest}`, /more than one/u],
    ["--privileged", /no part/u],
    ["a//b", /no part/u],
    ["../../etc", /no part|no registry/u],
    ["exa mple.com/a", /no registry|no part/u],
    ["node?x=1", /no part/u],
    ["a/b/../c", /no part/u],
  ])("%j is refused", (text, why) => {
    const parsed = parseImageReference(text);
    expect("wrong" in parsed ? parsed.wrong : parsed).toMatch(why);
  });
});
