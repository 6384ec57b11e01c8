import { BlockList } from "node:net";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createAddressPolicy, parseAllowedAddress, type AllowedAddress } from "./address-policy.ts";
import { embeddedIpv4, parseAddress } from "./address.ts";

const own = new Set(["192.0.2.77", "172.17.0.1", "8.8.4.4", "2606:4700::77"]);
const policy = createAddressPolicy({ ownAddresses: () => own, closedPorts: () => [3030, 18_100] });
const allowed = (...entries: string[]): readonly AllowedAddress[] =>
  entries.map((entry) => parseAllowedAddress(entry)).filter((entry) => entry !== undefined);
const codeFor = (address: string, port = 443, entries: readonly string[] = []): string | undefined =>
  policy.check({ address, port, allowed: allowed(...entries) })?.code;

describe("addresses that are never reached by default", () => {
  it.each([
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
  ])("P01 metadata address %s is refused", (address) => {
    expect(codeFor(address)).toBe("address-denied");
  });

  it.each(["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "168.63.129.16"])(
    "P01 a range around %s does not open it",
    (address) => {
      const entries = ["0.0.0.0/0", "::/0", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7"];
      expect(codeFor(address, 80, entries)).toBe("address-denied");
      expect(codeFor(address, 80, [address])).toBeUndefined();
    },
  );

  it.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "::1",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:0:0",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fe80::1",
    "fec0::1",
  ])("P02 loopback and local spelling %s is refused", (address) => {
    expect(codeFor(address)).toBe("address-denied");
  });

  it.each(["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12:3456::1"])(
    "P04 private address %s is refused",
    (address) => {
      expect(codeFor(address, 10_250)).toBe("address-denied");
    },
  );

  it.each([
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "2001:db8::1",
    "2001:10::1",
    "3fff::1",
    "5f00::1",
    "ff02::1",
    "100::1",
    "4000::1",
  ])("P02 special-purpose address %s is refused", (address) => {
    expect(codeFor(address)).toBe("address-denied");
  });

  it.each([
    "1.1.1.1",
    "140.82.121.4",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2001:4860::8888",
    "64:ff9b::808:808",
  ])("public address %s is reached", (address) => {
    expect(codeFor(address)).toBeUndefined();
  });
});

describe("this machine", () => {
  it.each(["192.0.2.77", "172.17.0.1", "8.8.4.4", "2606:4700::77", "::ffff:8.8.4.4", "::ffff:ac11:1"])(
    "P03 own address %s is refused, also inside an allowed range",
    (address) => {
      expect(codeFor(address, 8080)).toBe("address-denied");
      expect(codeFor(address, 8080, ["0.0.0.0/0", "::/0", "172.16.0.0/12"])).toBe("address-denied");
    },
  );

  it.each(["127.0.0.1", "::1", "0.0.0.0", "172.17.0.1", "8.8.4.4", "::ffff:127.0.0.1", "127.8.8.8"])(
    "P03 the daemon's port of %s stays closed when the address is allowed",
    (address) => {
      const entry = embeddedIpv4(parseAddress(address)!)?.text ?? address;
      expect(codeFor(address, 3030, [entry])).toBe("address-denied");
      expect(codeFor(address, 8080, [entry])).toBeUndefined();
    },
  );

  it("P06 the proxy's own port stays closed when loopback is allowed", () => {
    expect(codeFor("127.0.0.1", 18_100, ["127.0.0.1", "127.0.0.1:18100"])).toBe("address-denied");
  });

  it("P03 the addresses of the interfaces are known without being told", () => {
    const own = createAddressPolicy({ closedPorts: () => [] });
    expect(own.check({ address: "127.0.0.1", port: 80 })?.code).toBe("address-denied");
  });
});

describe("what the user opens", () => {
  it("P02 an address with a port opens that port alone", () => {
    expect(codeFor("127.0.0.1", 5432, ["127.0.0.1:5432"])).toBeUndefined();
    expect(codeFor("127.0.0.1", 5433, ["127.0.0.1:5432"])).toBe("address-denied");
    expect(codeFor("127.0.0.2", 5432, ["127.0.0.1:5432"])).toBe("address-denied");
  });

  it("P02 a range opens private addresses, not loopback or link-local ones", () => {
    expect(codeFor("10.2.3.4", 443, ["10.0.0.0/8"])).toBeUndefined();
    expect(codeFor("11.2.3.4", 443, ["10.0.0.0/8"])).toBeUndefined();
    expect(codeFor("127.2.3.4", 443, ["127.0.0.0/8"])).toBe("address-denied");
    expect(codeFor("fe80::5", 443, ["fe80::/10"])).toBe("address-denied");
    expect(codeFor("192.168.7.7", 443, ["192.168.7.0/28"])).toBeUndefined();
    expect(codeFor("192.168.7.16", 443, ["192.168.7.0/28"])).toBe("address-denied");
  });

  it("denied entries are stronger than public and than allowed", () => {
    const denied = allowed("8.8.8.0/24", "10.0.0.5:22");
    const check = (address: string, port: number): string | undefined =>
      policy.check({ address, port, allowed: allowed("10.0.0.0/8"), denied })?.code;
    expect(check("8.8.8.8", 443)).toBe("address-denied");
    expect(check("10.0.0.5", 22)).toBe("address-denied");
    expect(check("10.0.0.5", 443)).toBeUndefined();
  });

  it.each([
    ["1.1.1.1", "127.0.0.1"],
    ["1.1.1.1", "fd00::1"],
    ["2606:4700::1111", "169.254.169.254"],
  ])("P05 a name with %s and %s is refused as a whole", (...addresses) => {
    expect(policy.checkAll(addresses, { port: 443 })?.code).toBe("address-denied");
    expect(policy.checkAll([...addresses].reverse(), { port: 443 })?.code).toBe("address-denied");
    expect(policy.checkAll(addresses.slice(0, 1), { port: 443 })).toBeUndefined();
  });

  it("P05 a name without an address is told so", () => {
    expect(policy.checkAll([], { port: 443 })).toMatchObject({ status: 502, code: "name-not-resolved" });
  });

  it.each([
    "10.0.0.0/33",
    "::/129",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "010.0.0.1",
    "fe80::1%eth0",
    "10.0.0",
    "",
    "[10.0.0.1",
    "host",
  ])("%j is no address entry", (text) => {
    expect(parseAllowedAddress(text)).toBeUndefined();
  });
});

/** The special-purpose registries once more, by Node's own BlockList (one for each family: it also looks for IPv4 in IPv6 ranges): an independent way to the same answer. */
function referenceList(family: "ipv4" | "ipv6", cidrs: string): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs.split(" ")) {
    const [net = "", bits] = cidr.split("/");
    list.addSubnet(net, Number(bits), family);
  }
  return list;
}

const reference4 = referenceList(
  "ipv4",
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3",
);
const reference6 = referenceList("ipv6", "::/3 2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1");

describe("properties", () => {
  const open = createAddressPolicy({ ownAddresses: () => new Set() });
  const near = fc.constantFrom(
    0,
    10,
    100,
    127,
    168,
    169,
    172,
    192,
    198,
    203,
    223,
    224,
    63,
    64,
    128,
    254,
    255,
    16,
    31,
    32,
  );
  const octet = fc.oneof(near, fc.nat(255));
  const ipv4 = fc.tuple(octet, octet, octet, octet).map((bytes) => bytes.join("."));
  const group = fc.oneof(
    fc.constantFrom(0, 0x2001, 0x2002, 0xdb8, 0x3fff, 0xfe80, 0xfc00, 0x64, 0xff9b, 0xffff),
    fc.nat(0xffff),
  );
  const ipv6 = fc
    .array(group, { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((value) => value.toString(16)).join(":"));

  it("P02 IPv4: the decision is that of the reference", () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        expect(open.check({ address, port: 443 }) === undefined).toBe(!reference4.check(address, "ipv4"));
      }),
      { numRuns: 500 },
    );
  });

  it("P02 IPv4 inside IPv6 (mapped, NAT64) is decided as itself", () => {
    fc.assert(
      fc.property(ipv4, fc.constantFrom("::ffff:", "64:ff9b::"), (address, prefix) => {
        const inner = open.check({ address, port: 443 })?.code;
        expect(open.check({ address: prefix + address, port: 443 })?.code).toBe(inner);
      }),
      { numRuns: 500 },
    );
  });

  it("P02 IPv6: the decision is that of the reference", () => {
    fc.assert(
      fc.property(ipv6, (text) => {
        const address = parseAddress(text);
        expect(address).toBeDefined();
        if (address === undefined || embeddedIpv4(address) !== undefined) return;
        expect(open.check({ address: text, port: 443 }) === undefined).toBe(!reference6.check(text, "ipv6"));
      }),
      { numRuns: 700 },
    );
  });

  it("P02 IPv6 is written as WHATWG URLs write it", () => {
    fc.assert(
      fc.property(fc.oneof(ipv6, fc.ipV6()), (text) => {
        expect(`[${parseAddress(text)?.text}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      { numRuns: 500 },
    );
  });
});
