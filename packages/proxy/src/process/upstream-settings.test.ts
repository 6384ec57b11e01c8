import { expect, it } from "vitest";

import { readCorporateProxy, readWayOut } from "./upstream-settings.ts";

it.each([
  ["http://me:word@proxy.test:3128", "me:word"],
  ["http://me:50%25@proxy.test:3128", "me:50%"],
  ["http://me:50%@proxy.test:3128", "me:50%"],
  ["http://me:%zz@proxy.test:3128", "me:%zz"],
  ["http://me:%ff%41@proxy.test:3128", "me:%ff%41"],
  ["http://me:p%40ss%3Aw%C3%B6rd@proxy.test:3128", "me:p@ss:wörd"],
  ["http://me@proxy.test:3128", "me:"],
  ["http://proxy.test:3128", undefined],
])("the credentials of %s are %s, also for what the proxy asks itself", async (upstream, credentials) => {
  expect(readCorporateProxy(upstream, {})?.credentials).toBe(credentials);
  const { proxyUrl = "" } = await readWayOut({ extraCa: [], upstreams: {}, upstream }, {});
  const { username, password } = new URL(proxyUrl);
  const asked = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  expect(asked).toBe(credentials ?? ":");
});
