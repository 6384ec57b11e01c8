import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { connectTo, outcome } from "../policy/decide.fixture.ts";
import { pushScope } from "./push-scope.ts";

const app = { host: "github.com", repository: "acme/app", ref: "refs/heads/clauderon/fix" };

describe("what a session may push", () => {
  it.each([
    ["https://github.com/acme/app.git", app],
    ["https://github.com/acme/app", app],
    ["https://github.com/acme/app/", app],
    ["https://me:token@GitHub.com:443/acme/app.git", app],
    ["git@github.com:acme/app.git", app],
    ["github.com:acme/app", app],
    ["ssh://git@github.com/acme/app.git", app],
    ["ssh://git@github.com:2222/acme/app.git", app],
    ["ssh://git@ssh.github.com:443/acme/app.git", app],
    [
      "https://git.example.com:8443/group/sub/app.git",
      { ...app, host: "git.example.com", port: 8443, repository: "group/sub/app" },
    ],
    ["http://git.example.com/app.git", { ...app, host: "git.example.com", port: 80, repository: "app" }],
    ["https://[2001:db8::1]/app.git", { ...app, host: "2001:db8::1", repository: "app" }],
  ])("%s", (url, scope) => {
    expect(pushScope(url, "clauderon/fix")).toEqual(scope);
  });

  it.each([
    "/srv/git/app.git",
    "../app",
    "file:///srv/git/app.git",
    "https://github.com/",
    "https:///app",
    "ext::sh -c x",
    "",
  ])("%j names no repository on a host", (url) => {
    expect(pushScope(url, "fix")).toBeUndefined();
  });

  it("never takes a name or a token into the scope, whatever they hold", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_.~%!$&'()*+,;=-]{1,20}$/u);
    fc.assert(
      fc.property(word, word, (user, token) => {
        expect(pushScope(`https://${user}:${token}@github.com/acme/app.git`, "clauderon/fix")).toEqual(app);
      }),
    );
  });
});

describe("a scope on another port", () => {
  const push = pushScope("https://git.example.com:8443/acme/app.git", "fix");
  const policy = { push, allow: ["git.example.com:8443", "git.example.com"] };
  const service = (place: string): string =>
    outcome({ method: "POST", url: `https://${place}.git/git-receive-pack` }, policy);

  it("is looked into there alone", () => {
    expect(connectTo("git.example.com:8443", policy)).toBe("intercept");
    expect(connectTo("git.example.com:443", policy)).toBe("tunnel");
  });

  it("means the repository there alone", () => {
    expect(service("git.example.com:8443/acme/app")).toBe("forward push-guard");
    expect(service("git.example.com:8443/acme/other")).toBe("403 push-not-scoped");
  });
});
