import { describe, expect, it } from "vitest";

import {
  metadataTargets,
  metadataUrls,
  loopbackTargets,
  hostGateways,
  clusterEndpoints,
  foreignPorts,
  lookalikeTargets,
} from "../attacks/tables/targets.fixture.ts";
import { connectTo, engine, identity, outcome } from "./decide.fixture.ts";
import type { ProxyTarget, SessionPolicy } from "./proxy-types.ts";

const open: Partial<SessionPolicy> = { network: "open" };
const readOnly: Partial<SessionPolicy> = { accessMode: "read-only" };

describe("CONNECT", () => {
  it.each([
    ["api.anthropic.com:443", "intercept"],
    ["github.com:443", "intercept"],
    ["eu.sentry.example:443", "intercept"],
    ["sentry.example:443", "403 host-not-allowed"],
    ["example.com:443", "403 host-not-allowed"],
    ["api.anthropic.com:80", "403 host-not-allowed"],
  ])("listed: %s → %s", (target, expected) => {
    expect(connectTo(target)).toBe(expected);
  });

  it.each([
    ["example.com:443", "tunnel"],
    ["example.com:80", "tunnel"],
    ["github.com:443", "intercept"],
    ["1.1.1.1:443", "tunnel"],
  ])("open: %s → %s", (target, expected) => {
    expect(connectTo(target, open)).toBe(expected);
  });

  it.each(["api.anthropic.com:443", "example.com:443", "1.1.1.1:443"])("none: %s is refused", (target) => {
    expect(connectTo(target, { network: "none" })).toBe("403 network-none");
    expect(connectTo(target, { network: "none", allow: ["example.com", "1.1.1.1"] })).toBe("403 network-none");
  });

  it.each(metadataTargets)("P01 metadata %s is refused in every network mode", (target) => {
    for (const network of ["open", "listed"] as const) {
      expect(connectTo(target, { network })).toBe("403 address-denied");
      expect(connectTo(target, { network, accessMode: "read-only" })).toBe("403 address-denied");
      expect(connectTo(target, { network, allow: ["*.google.internal", "0.0.0.0/0", "::/0"] })).toBe(
        "403 address-denied",
      );
    }
  });

  it.each(metadataUrls)("P01 absolute form %s is refused", (url) => {
    expect(outcome({ url }, open)).toBe("403 address-denied");
  });

  it.each(loopbackTargets)("P02 loopback %s is refused before anything is resolved", (target) => {
    expect(connectTo(target, open)).toBe("403 address-denied");
  });

  it.each(hostGateways)("P03 the way to the host %s is refused", (target) => {
    expect(connectTo(target, { ...open, allow: ["*.internal", "172.16.0.0/28"] })).toBe("403 address-denied");
  });

  it.each(clusterEndpoints)("P04 cluster and engine endpoint %s is refused", (target) => {
    expect(connectTo(target, open)).toBe("403 address-denied");
  });

  it.each(foreignPorts)("P07 port %i of an allowed host is refused unless it is named", (port) => {
    expect(connectTo(`example.com:${port}`, open)).toBe("403 port-not-allowed");
    expect(connectTo(`github.com:${port}`, open)).toBe("403 port-not-allowed");
    expect(connectTo(`example.com:${port}`, { allow: ["example.com"] })).toBe("403 port-not-allowed");
    expect(connectTo(`example.com:${port}`, { allow: [`example.com:${port}`] })).toBe("tunnel");
    expect(connectTo("example.com:443", { allow: [`example.com:${port}`] })).toBe("403 port-not-allowed");
  });

  it.each(lookalikeTargets)("P09 %s is not the host of a rule", (target) => {
    expect(connectTo(target)).toBe("403 host-not-allowed");
    expect(connectTo(target, open)).toBe("tunnel");
  });

  it.each([
    ["a.example.com:443", "tunnel"],
    ["a.b.example.com:443", "tunnel"],
    ["example.com:443", "403 host-not-allowed"],
    ["evilexample.com:443", "403 host-not-allowed"],
    ["a.example.com.evil:443", "403 host-not-allowed"],
    ["a.example.com@evil:443", "400 target-malformed"],
  ])("P09 with *.example.com allowed, %s → %s", (target, expected) => {
    expect(connectTo(target, { allow: ["*.example.com"] })).toBe(expected);
  });

  it("P10 an empty allow-list allows nothing, and an entry that cannot be read opens nothing", () => {
    expect(connectTo("example.com:443", { allow: [] })).toBe("403 host-not-allowed");
    for (const entry of [
      "",
      "*",
      "*.",
      "*.com:0",
      "https://example.com",
      "example.com/",
      ".example.com",
      "exa*mple.com",
      "**.com",
    ]) {
      expect(connectTo("example.com:443", { allow: [entry] })).toBe("403 host-not-allowed");
    }
  });

  it("P10 an entry of deny that cannot be read refuses everything", () => {
    expect(connectTo("github.com:443", { deny: ["https://evil.example"] })).toBe("403 policy-unreadable");
  });

  it.each([
    ["github.com:443", ["github.com"]],
    ["api.github.com:443", ["*.github.com"]],
    ["a.example.com:443", ["*.example.com"]],
    ["a.example.com:8443", ["a.example.com"]],
    ["1.2.3.4:443", ["1.2.0.0/16"]],
  ])("deny is stronger than rule and allow: %s with %j", (target, deny) => {
    expect(connectTo(target, { ...open, deny, allow: ["*.example.com", "1.2.3.4", "a.example.com:8443"] })).toBe(
      "403 host-denied",
    );
  });

  it("deny with a port leaves the other ports", () => {
    expect(connectTo("example.com:80", { ...open, deny: ["example.com:443"] })).toBe("tunnel");
    expect(connectTo("example.com:443", { ...open, deny: ["example.com:443"] })).toBe("403 host-denied");
  });

  it("the user opens a local service by its exact name or address", () => {
    expect(connectTo("127.0.0.1:5432", { allow: ["127.0.0.1:5432"] })).toBe("tunnel");
    expect(connectTo("10.1.2.3:443", { allow: ["10.0.0.0/8"] })).toBe("tunnel");
    expect(connectTo("127.0.0.9:443", { allow: ["127.0.0.0/8"] })).toBe("403 address-denied");
    expect(connectTo("host.docker.internal:8080", { allow: ["host.docker.internal:8080"] })).toBe("tunnel");
  });

  it("the user's lists for every session count like the session's", () => {
    const using = engine(undefined, { lists: { allow: ["mirror.example"], deny: ["api.openai.com"] } });
    expect(connectTo("mirror.example:443", {}, using)).toBe("tunnel");
    expect(connectTo("api.openai.com:443", {}, using)).toBe("403 host-denied");
  });

  it("read-only: every host that is reached is looked into", () => {
    expect(connectTo("example.com:443", { ...open, ...readOnly })).toBe("intercept");
    expect(connectTo("example.com:8443", { ...readOnly, allow: ["example.com:8443"] })).toBe("intercept");
    expect(connectTo("example.com:80", { ...open, ...readOnly })).toBe("403 read-only");
  });

  it("B3 a host without a rule for which the user named a gateway: what is sent to it must go there", () => {
    const using = engine([], { diverted: new Set(["example.com"]) });
    expect(connectTo("example.com:443", open, using)).toBe("intercept");
    expect(connectTo("example.com:443", { ...open, isIsolated: false, isUnconfined: true }, using)).toBe("intercept");
    expect(connectTo("www.example.com:443", open, using)).toBe("tunnel");
    expect(connectTo("example.com:443", {}, using)).toBe("403 host-not-allowed");
  });

  it.each([
    ["api.anthropic.com:443", "tunnel"],
    ["github.com:443", "tunnel"],
    ["api.anthropic.com:80", "407 identity-missing"],
    ["example.com:443", "407 identity-missing"],
    ["127.0.0.1:3030", "407 identity-missing"],
    ["localhost:443", "407 identity-missing"],
    ["169.254.169.254:80", "407 identity-missing"],
    ["api.anthropic.com:22", "407 identity-missing"],
  ])("P31 without an identity: %s → %s", (target, expected) => {
    expect(connectTo(target, "anonymous")).toBe(expected);
  });

  it("P32 a session's new policy holds for its next request", () => {
    const using = engine();
    const target: ProxyTarget = { scheme: "tcp", host: "example.com", port: 443 };
    expect(using.decideConnect(identity(open), target).kind).toBe("tunnel");
    expect(using.decideConnect(identity(), target).kind).toBe("refuse");
  });
});
