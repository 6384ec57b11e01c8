import { describe, expect, it } from "vitest";

import { refMovingRoutes, scopedPushes } from "../attacks/tables/read-only.fixture.ts";
import { connectTo, engine, outcome } from "./decide.fixture.ts";
import type { SessionPolicy } from "./proxy-types.ts";

const host: Partial<SessionPolicy> = { network: "open", isIsolated: false };

describe("push", () => {
  const push = { host: "github.com", repository: "acme/app", ref: "refs/heads/clauderon/fix" };
  const scoped: Partial<SessionPolicy> = { push };

  it.each(scopedPushes)("A session's own branch: %s %s → %s", (method, path, expected) => {
    expect(outcome({ method, url: `https://github.com${path}` }, scoped)).toBe(expected);
  });

  it("a git host without a rule is looked into when the session's repository is there", () => {
    const own: Partial<SessionPolicy> = { network: "open", push: { ...push, host: "git.example.com" } };
    expect(connectTo("git.example.com:443", own)).toBe("intercept");
    expect(connectTo("other.example.com:443", own)).toBe("tunnel");
    const url = "https://git.example.com/acme";
    expect(outcome({ method: "POST", url: `${url}/app.git/git-receive-pack` }, own)).toBe("forward push-guard");
    expect(outcome({ method: "POST", url: `${url}/other.git/git-receive-pack` }, own)).toBe("403 push-not-scoped");
    expect(outcome({ method: "POST", url: `${url}/other.git/git-upload-pack` }, own)).toBe("forward");
    expect(outcome({ method: "PUT", url: "https://git.example.com/api/v4/projects/1" }, own)).toBe("forward");
    expect(outcome({ method: "PUT", url: `${url}/app.git/refs/heads/main` }, own)).toBe("403 push-not-scoped");
    expect(
      outcome({ method: "POST", url: `${url}/app.git/git-receive-pack` }, { ...own, accessMode: "read-only" }),
    ).toBe("403 read-only");
  });

  it("the same path at another git host is another repository", () => {
    const rules = [{ id: "other-git", description: "", host: "git.other.example", protocol: "git" } as const];
    const using = engine([], { rules });
    const url = "https://git.other.example/acme/app.git";
    for (const [method, path] of [
      ["POST", "/git-receive-pack"],
      ["GET", "/info/refs?service=git-receive-pack"],
    ] as const) {
      expect(outcome({ method, url: url + path }, { ...scoped, isIsolated: false }, using)).toBe("403 push-not-scoped");
    }
    expect(outcome({ method: "POST", url: `${url}/git-upload-pack` }, { ...scoped, isIsolated: false }, using)).toBe(
      "forward",
    );
  });

  it("without a branch of its own a sandbox pushes nothing", () => {
    const url = "https://github.com/acme/app.git/git-receive-pack";
    expect(outcome({ method: "POST", url })).toBe("403 push-not-scoped");
    expect(outcome({ method: "POST", url }, host)).toBe("inject github");
  });

  it.each(refMovingRoutes)("P53 a branch is not moved through the API either: %s %s", (method, path) => {
    expect(outcome({ method, url: `https://api.github.com${path}` }, scoped)).toBe("403 push-not-scoped");
    expect(outcome({ method, url: `https://api.github.com${path}` })).toBe("inject github");
  });

  it.each([{ "X-HTTP-Method-Override": "PATCH" }, { "x-http-method": "DELETE" }])(
    "P51 a hidden method (%j) is refused at the host of an API",
    (headers) => {
      for (const url of [
        "https://api.github.com/repos/acme/app/git/refs/heads/main",
        "https://api.github.com/user",
        "https://npm.example.com/a",
      ]) {
        expect(outcome({ url, headers: { ...headers } }, scoped)).toBe("403 method-override");
        expect(outcome({ url, headers: { ...headers } })).toBe("403 method-override");
      }
      expect(outcome({ url: "https://eu.sentry.example/api/0", headers: { ...headers } })).toBe("inject sentry");
    },
  );

  it("the rest of the API stays usable, GraphQL after a look at its body", () => {
    expect(outcome({ method: "POST", url: "https://api.github.com/repos/acme/app/pulls" }, scoped)).toBe(
      "inject github",
    );
    expect(outcome({ method: "POST", url: "https://api.github.com/graphql" }, scoped)).toBe(
      "inject github graphql-keeps-refs",
    );
    expect(
      outcome(
        { method: "POST", url: "https://api.github.com/graphql", headers: { "content-encoding": "gzip" } },
        scoped,
      ),
    ).toBe("403 body-unreadable");
  });
});
