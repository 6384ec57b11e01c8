import { describe, expect, it } from "vitest";

import type { Isolation } from "../contract/backend-capabilities.ts";
import type { SessionAccess } from "../contract/session-access.ts";
import { noPowers } from "../contract/unsupported-powers.ts";
import {
  accessOf,
  changedAccess,
  needsProxy,
  networkPolicyOf,
  refuseUnenforced,
  requestedAccess,
} from "./session-access.ts";

const open: SessionAccess = { accessMode: "read-write", network: "open", allow: [], deny: [], isAdvisory: false };

describe("what a new session gets", () => {
  it("is open on this machine, and listed where the backend isolates", () => {
    const usual = (isolation: Isolation, networkPolicy: boolean): SessionAccess =>
      requestedAccess({}, { defaults: {}, capabilities: { isolation, networkPolicy } });
    expect(usual("none", false)).toEqual(open);
    expect(usual("container", true).network).toBe("listed");
    // Nobody would hold it back there.
    expect(usual("container", false).network).toBe("open");
    expect(accessOf({ isolation: "vm" }).network).toBe("listed");
  });

  it("is what was asked for, then what the configuration says; lists are joined", () => {
    const defaults = { accessMode: "read-only", network: "none", allow: ["a"], deny: ["b"], budget: "5usd" } as const;
    const asked = requestedAccess(
      { network: "listed", allow: ["c", "a"], budget: "none" },
      { defaults, capabilities: { isolation: "none", networkPolicy: false } },
    );
    expect(asked).toEqual({
      accessMode: "read-only",
      network: "listed",
      allow: ["a", "c"],
      deny: ["b"],
      isAdvisory: false,
      budget: undefined,
    });
  });
});

describe("a change", () => {
  it("leaves what it does not name; an entry is in one list alone", () => {
    const before: SessionAccess = { ...open, allow: ["a"], deny: ["b"], budget: "5usd" };
    expect(changedAccess(before, {})).toEqual(before);
    expect(changedAccess(before, { allow: ["b", "c"] })).toEqual({ ...before, allow: ["a", "b", "c"], deny: [] });
    expect(changedAccess(before, { deny: ["a"] })).toEqual({ ...before, allow: [], deny: ["b", "a"] });
    expect(changedAccess(before, { remove: ["a", "b"], budget: "none" })).toEqual(open);
  });

  it("does not take out what is in no list", () => {
    expect(() => changedAccess({ ...open, deny: ["b"] }, { remove: ["a"] })).toThrow(
      expect.objectContaining({ code: "usage.invalid", why: "the lists hold b" }),
    );
  });
});

function backend(
  isolation: Isolation,
  networkPolicy: boolean = isolation !== "none",
): Parameters<typeof refuseUnenforced>[1] {
  const capabilities = { ...noPowers, isolation, networkPolicy, workspace: "host", terminal: "bytes" } as const;
  return { backendId: "local", capabilities };
}

describe("what a backend without isolation cannot enforce", () => {
  const refuse =
    (patch: Partial<SessionAccess>, isolation: "none" | "container" = "none") =>
    () =>
      refuseUnenforced({ ...open, ...patch }, backend(isolation));

  it.each([
    [{ accessMode: "read-only" }, "--access-mode read-only"],
    [{ network: "listed" }, "--network listed"],
    [{ network: "none" }, "--network none"],
    [{ deny: ["x.example"] }, "--deny x.example"],
  ] as const)("%j needs --advisory", (patch, named) => {
    expect(refuse(patch)).toThrow(
      expect.objectContaining({
        code: "usage.invalid",
        message: `The backend local cannot enforce ${named}`,
        fix: expect.arrayContaining([expect.stringContaining("--advisory")]) as string[],
      }),
    );
    expect(refuse({ ...patch, isAdvisory: true })).not.toThrow();
    expect(refuse(patch, "container")).not.toThrow();
    expect(needsProxy({ ...open, ...patch }, "none")).toBe(true);
  });

  it("a budget and more hosts need no consent", () => {
    expect(refuse({ budget: "5usd", allow: ["x.example"] })).not.toThrow();
    expect(needsProxy({ ...open, budget: "5usd" }, "none")).toBe(true);
    expect(needsProxy({ ...open, allow: ["x.example"] }, "none")).toBe(false);
  });
});

it("a network that an isolating backend cannot hold back is refused, whoever asked", () => {
  const incapable = backend("container", false);
  expect(() => refuseUnenforced({ ...open, network: "listed" }, incapable)).toThrow(
    expect.objectContaining({ code: "capability.unsupported" }),
  );
  expect(() => refuseUnenforced(open, incapable)).not.toThrow();
});

it("a backend that can is told the network itself", () => {
  const access: SessionAccess = { ...open, network: "listed", allow: ["a"] };
  expect(networkPolicyOf(access, { networkPolicy: true })).toEqual({ mode: "listed", allow: ["a"] });
  expect(networkPolicyOf(access, { networkPolicy: false })).toBeUndefined();
});
