import { hostname } from "node:os";

import type { AttackCase, AttackGroup, SessionName, WireCase } from "../harness/attack-case.fixture.ts";
import {
  ambiguousAbsoluteForms,
  ambiguousAddresses,
  closedAddresses,
  clusterEndpoints,
  foreignPorts,
  hostGateways,
  lookalikeTargets,
  loopbackTargets,
  malformedAbsoluteForms,
  malformedTargets,
  metadataTargets,
  metadataUrls,
  nonAsciiTargets,
} from "../tables/targets.fixture.ts";
import { loops, namesThatMove, servicesOfThisMachine, unaskedNames } from "./reach-scenarios.fixture.ts";

type Expectation = Pick<WireCase, "sees"> & { readonly session?: SessionName };

function connects(targets: readonly string[], { sees, session = "open" }: Expectation): readonly AttackCase[] {
  return targets.map((target) => ({
    what: `CONNECT ${JSON.stringify(target)}`,
    way: "connect",
    target,
    session,
    sees,
  }));
}

/** The same at the proxy's own port, as a plain request. */
function asks(urls: readonly string[], { sees, session = "open" }: Expectation): readonly AttackCase[] {
  return urls.map((url) => {
    const host = /^\w+:\/\/(?<host>[^/]+)/u.exec(url)?.groups?.["host"] ?? "proxy.test";
    return {
      what: `GET ${url}`,
      way: "proxy",
      send: `GET ${url} HTTP/1.1\r\nHost: ${host}\r\nAUTH\r\n`,
      session,
      sees,
    };
  });
}

const denied = { sees: "403 address-denied" };

/** Where a session may not go at all. */
export const reachGroups: readonly AttackGroup[] = [
  {
    id: "P01",
    title: "metadata services",
    rule: "No name and no address of a cloud's metadata service is reached, in no network mode, whatever range or wildcard is allowed.",
    source: "AWS, Google, Azure, Alibaba and Oracle instance metadata; SSRF (CWE-918)",
    cases: [
      ...connects(metadataTargets, denied),
      ...connects(metadataTargets, { ...denied, session: "wide" }).map((attack) => ({
        ...attack,
        what: `${attack.what}, with every range allowed`,
      })),
      ...asks(metadataUrls, denied),
    ],
  },
  {
    id: "P02",
    title: "loopback in every spelling",
    rule: "An address has one spelling; another is refused before it is resolved, and the one spelling is judged.",
    source: "CVE-2023-42282, CVE-2024-29415, CVE-2022-24825, CVE-2022-29188; RFC 3986 §7.4, RFC 6052",
    cases: [
      ...connects(ambiguousAddresses, { sees: "403 address-ambiguous" }),
      ...connects(closedAddresses, denied),
      ...connects(loopbackTargets, denied).map((attack) => ({
        ...attack,
        what: `${attack.what}, before it is resolved`,
      })),
      ...connects(nonAsciiTargets, { sees: /^400/u }),
      ...asks(ambiguousAbsoluteForms, { sees: "403 address-ambiguous" }),
    ],
  },
  {
    id: "P03",
    title: "the daemon and the host",
    rule: "The ports of the daemon and of the proxy stay closed on every address of this machine, also where the address is allowed.",
    source: "mitmweb CVE-2025-23217, leash GHSA-9x85-c42x-79cx, Docker Desktop CVE-2025-9074",
    cases: [
      ...connects(hostGateways, denied),
      ...[80, 443].map((port): AttackCase => ({
        what: `CONNECT to this machine's own name, port ${port}`,
        way: "connect",
        session: "open",
        target: `${hostname().toLowerCase()}:${port}`,
        sees: /^(?:403|502)/u,
      })),
      ...servicesOfThisMachine,
    ],
  },
  {
    id: "P04",
    title: "container engines and clusters",
    rule: "Endpoints of Docker, Kubernetes and etcd are private addresses and names; they are refused.",
    source: "CVE-2025-9074; Kubernetes API server, kubelet 10250, etcd 2379",
    cases: [
      ...connects(clusterEndpoints, denied),
      ...asks(["http://172.17.0.1:2375/version", "http://10.0.0.1:10250/pods"], denied),
    ],
  },
  {
    id: "P05",
    title: "DNS rebinding",
    rule: "A name is resolved once, every address of it is judged, and one of these is connected to; one that is refused refuses all.",
    source: "DNS rebinding (CWE-350); smokescreen, gondolin",
    alone: "the resolver is the attacker's: the proxy is started with one of the test",
    cases: namesThatMove,
  },
  {
    id: "P06",
    title: "the proxy through itself",
    rule: "The proxy's own port is closed, also where loopback is allowed.",
    source: "request loops (RFC 9110 §7.6.3), chained CONNECT",
    alone: "the port is the one of the proxy under attack",
    cases: loops,
  },
  {
    id: "P07",
    title: "other ports",
    rule: "A host without a named port opens 80 and 443; a rule its own port.",
    source: "RFC 9110 §9.3.6: a proxy that supports CONNECT should restrict its use to known ports",
    cases: [
      ...connects(
        foreignPorts.map((port) => `example.com:${port}`),
        { sees: "403 port-not-allowed" },
      ),
      ...connects(
        foreignPorts.map((port) => `api.anthropic.com:${port}`),
        { sees: "403 host-not-allowed", session: "listed" },
      ),
    ],
  },
  {
    id: "P08",
    title: "malformed targets",
    rule: "A target that is not one canonical HOST:PORT is refused before any policy sees it.",
    source: "sandbox-runtime NUL bypass, OpenShell PR 1552; RFC 3986 §3.2",
    cases: [
      // Those that leave no target at all, or only a second space in front of a good one (RFC 9112 §3 lets it pass), are other cases.
      ...connects(
        malformedTargets.filter((target) => !/^ |^$/u.test(target)),
        { sees: /^400/u },
      ),
      ...asks(malformedAbsoluteForms, { sees: /^400/u }),
    ],
  },
  {
    id: "P09",
    title: "hosts that look alike",
    rule: "A host matches as a whole; a wildcard matches labels, never text.",
    source: "Claude Code CVE-2026-24052 (startsWith), suffix matching (CWE-1023)",
    cases: connects(
      lookalikeTargets.map(([target]) => target),
      { sees: "403 host-not-allowed", session: "listed" },
    ),
  },
  {
    id: "P10",
    title: "nothing allowed",
    rule: "An empty list allows nothing, `none` allows nothing, an entry that cannot be read opens nothing.",
    source: "sandbox-runtime CVE-2025-66479",
    cases: [
      ...connects(["evil.test:443", "example.com:443", "1.1.1.1:443", "evil.test:80"], {
        sees: "403 host-not-allowed",
        session: "listed",
      }),
      ...connects(["api.anthropic.com:443", "evil.test:443", "1.1.1.1:443"], {
        sees: "403 network-none",
        session: "none",
      }).map((attack) => ({ ...attack, what: `${attack.what}, without a network` })),
    ],
  },
  {
    id: "P11",
    title: "data in names",
    rule: "The name of a host that is not allowed is never asked for: nothing leaves as a DNS query.",
    source: "DNS exfiltration (ATT&CK T1048); httpjail's dummy DNS",
    alone: "the resolver is the test's: the proxy is started with it",
    cases: unaskedNames,
  },
];
