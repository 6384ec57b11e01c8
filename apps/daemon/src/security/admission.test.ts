import fc from "fast-check";
import { expect, test } from "vitest";

import { admit } from "./admission.ts";

const policy = { port: 4711, token: "t".repeat(43) };
const good = ["Host", "127.0.0.1:4711", "Authorization", `Bearer ${policy.token}`];

test("no Host but ours is admitted, whatever it is", () => {
  const ours = new Set(["localhost:4711", "127.0.0.1:4711", "[::1]:4711"]);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.domain(),
        fc.ipV4(),
        fc.constantFrom(...ours).map((host) => `${host}.evil.example`),
      ),
      (host) => {
        const rawHeaders = ["Host", host, ...good.slice(2)];
        expect(admit({ method: "GET", target: "/api/sessions", rawHeaders }, policy).isAdmitted).toBe(ours.has(host));
      },
    ),
  );
});

test("no token but ours is admitted, whatever it is", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `Bearer ${text}`),
      ),
      (authorization) => {
        const rawHeaders = [...good.slice(0, 2), "Authorization", authorization];
        expect(admit({ method: "GET", target: "/api/sessions", rawHeaders }, policy).isAdmitted).toBe(false);
      },
    ),
  );
  expect(admit({ method: "GET", target: "/api/sessions", rawHeaders: good }, policy).isAdmitted).toBe(true);
});

test("nothing but the one spelling of the health route is public", () => {
  const rawHeaders = good.slice(0, 2);
  const isPublic = (method: string, target: string): boolean =>
    admit({ method, target, rawHeaders }, policy).isAdmitted;
  expect(isPublic("GET", "/healthz")).toBe(true);
  for (const target of ["/healthz/", "/healthz?x", "/healthz/../api/sessions", "/Healthz", "/%68ealthz", "//healthz"]) {
    expect(isPublic("GET", target)).toBe(false);
  }
  expect(isPublic("POST", "/healthz")).toBe(false);
});
