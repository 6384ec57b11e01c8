import { describe, expect, it } from "vitest";

import {
  commandEnvironment,
  excessSocketBytes,
  socketPath,
  withoutPaneVariables,
  zellijPlaces,
} from "./zellij-environment.ts";

describe("the environment of zellij's commands", () => {
  it("never tells that it is inside a pane", () => {
    const inside = { ZELLIJ: "0", ZELLIJ_SESSION_NAME: "mine", ZELLIJ_PANE_ID: "3", PATH: "/bin", HOME: "/h" };
    expect(withoutPaneVariables(inside)).toEqual({ PATH: "/bin", HOME: "/h" });
    expect(Object.keys(commandEnvironment(inside, inside)).filter((name) => name.startsWith("ZELLIJ"))).toEqual([]);
  });

  it("keeps places, and no secret", () => {
    const caller = { HOME: "/h", API_KEY: "secret", XDG_RUNTIME_DIR: "/run/user/1" };
    expect(zellijPlaces(caller, {})).toEqual({ HOME: "/h", XDG_RUNTIME_DIR: "/run/user/1" });
  });

  it("takes the caller's socket directory before its own", () => {
    expect(zellijPlaces({ ZELLIJ_SOCKET_DIR: "/theirs" }, { ZELLIJ_SOCKET_DIR: "/own" })["ZELLIJ_SOCKET_DIR"]).toBe(
      "/theirs",
    );
    expect(zellijPlaces({}, { ZELLIJ_SOCKET_DIR: "/own" })["ZELLIJ_SOCKET_DIR"]).toBe("/own");
  });

  it("knows which socket path is too long", () => {
    const places = { ZELLIJ_SOCKET_DIR: `/tmp/${"x".repeat(60)}` };
    const path = socketPath(places, "clauderon-fix");
    expect(excessSocketBytes(places, "clauderon-fix")).toBe(path.length - (process.platform === "darwin" ? 103 : 107));
    expect(excessSocketBytes(places, `clauderon-${"n".repeat(63)}`)).toBeGreaterThan(0);
  });
});
