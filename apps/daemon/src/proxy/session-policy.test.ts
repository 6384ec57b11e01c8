import type { SessionAccess } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { sessionPolicy } from "./session-policy.ts";

const access: SessionAccess = {
  accessMode: "read-only",
  network: "listed",
  allow: ["example.com"],
  deny: ["x.example"],
  isAdvisory: true,
  budget: "5usd",
};
const push = { host: "git.example.com", port: 8443, repository: "acme/app", ref: "refs/heads/fix" };

describe("what the proxy holds a session to", () => {
  it("says what the session says, and leads to its git host where the network is listed", () => {
    expect(sessionPolicy({ access, isolation: "container", push })).toEqual({
      accessMode: "read-only",
      network: "listed",
      allow: ["example.com", "git.example.com:8443"],
      deny: ["x.example"],
      isIsolated: true,
      isUnconfined: false,
      push,
    });
    expect(sessionPolicy({ access: { ...access, network: "none" }, isolation: "container", push }).allow).toEqual([
      "example.com",
    ]);
  });

  it("lets a session of this machine act as the user, its pushes scoped, too", () => {
    const policy = sessionPolicy({ access: { ...access, network: "open" }, isolation: "none", push });
    expect(policy).toMatchObject({ isIsolated: false, isUnconfined: true, allow: ["example.com"], push });
    expect(sessionPolicy({ access, isolation: "none", push: undefined }).allow).toEqual(["example.com"]);
  });
});
