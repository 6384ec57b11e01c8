import { describe, expect, it } from "vitest";

import { parseImageReference } from "./image-reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("The name of an image", () => {
  it.each([
    ["node", { registry: "docker.io", name: "node", version: "latest", whole: "node:latest" }],
    ["rust:1.85", { registry: "docker.io", name: "rust", version: "1.85", whole: "rust:1.85" }],
    [
      "buildpack-deps:bookworm",
      { registry: "docker.io", name: "buildpack-deps", version: "bookworm", whole: "buildpack-deps:bookworm" },
    ],
    [
      "ghcr.io/anthropics/claude-code:latest",
      {
        registry: "ghcr.io",
        name: "ghcr.io/anthropics/claude-code",
        version: "latest",
        whole: "ghcr.io/anthropics/claude-code:latest",
      },
    ],
    [
      "localhost:5000/a/b",
      { registry: "localhost:5000", name: "localhost:5000/a/b", version: "latest", whole: "localhost:5000/a/b:latest" },
    ],
    ["localhost/a", { registry: "localhost", name: "localhost/a", version: "latest", whole: "localhost/a:latest" }],
    ["me/tool", { registry: "docker.io", name: "me/tool", version: "latest", whole: "me/tool:latest" }],
    [
      "index.docker.io/library/node:22",
      {
        registry: "docker.io",
        name: "index.docker.io/library/node",
        version: "22",
        whole: "index.docker.io/library/node:22",
      },
    ],
    [`node@${digest}`, { registry: "docker.io", name: "node", version: digest, whole: `node@${digest}` }],
    [`node:22@${digest}`, { registry: "docker.io", name: "node", version: digest, whole: `node:22@${digest}` }],
    ["[::1]:5000/a", { registry: "[::1]:5000", name: "[::1]:5000/a", version: "latest", whole: "[::1]:5000/a:latest" }],
  ])("%s is read", (text, wanted) => {
    expect(parseImageReference(text)).toEqual(wanted);
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
