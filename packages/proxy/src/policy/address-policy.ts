import { networkInterfaces } from "node:os";

import { embeddedIpv4, parseAddress, type Address } from "./address.ts";
import type { Refusal } from "./proxy-types.ts";
import { refuse } from "./refusal.ts";

/** What an address is for. Only `public` is reached without the user naming it. */
export type AddressKind = "public" | "loopback" | "link-local" | "metadata" | "private" | "reserved" | "this-machine";

/** One entry of an allow-list: an address or a range, with a port or for every port. */
export interface AllowedAddress {
  readonly bytes: readonly number[];
  readonly prefixLength: number;
  readonly port?: number | undefined;
}

interface KnownRange {
  readonly range: AllowedAddress;
  readonly kind: AddressKind;
}

const known = (cidr: string, kind: AddressKind): KnownRange => {
  const range = parseAllowedAddress(cidr);
  if (range === undefined) throw new TypeError(`not a range: ${cidr}`);
  return { range, kind };
};

/**
 * First match wins. Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries; the metadata services of AWS (both families), Google, Azure
 * (169.254.169.254, 168.63.129.16), Alibaba (100.100.100.200), Oracle (192.0.0.192).
 */
const ranges: readonly KnownRange[] = [
  known("169.254.169.254/32", "metadata"),
  known("169.254.170.0/24", "metadata"),
  known("100.100.100.200/32", "metadata"),
  known("168.63.129.16/32", "metadata"),
  known("192.0.0.192/32", "metadata"),
  known("fd00:ec2::/32", "metadata"),
  known("fd20:ce::254/128", "metadata"),
  known("127.0.0.0/8", "loopback"),
  known("::1/128", "loopback"),
  known("169.254.0.0/16", "link-local"),
  known("fe80::/10", "link-local"),
  known("10.0.0.0/8", "private"),
  known("172.16.0.0/12", "private"),
  known("192.168.0.0/16", "private"),
  known("100.64.0.0/10", "private"),
  known("fc00::/7", "private"),
  known("fec0::/10", "private"),
  known("0.0.0.0/8", "reserved"),
  known("192.0.0.0/24", "reserved"),
  known("192.0.2.0/24", "reserved"),
  known("192.88.99.0/24", "reserved"),
  known("198.18.0.0/15", "reserved"),
  known("198.51.100.0/24", "reserved"),
  known("203.0.113.0/24", "reserved"),
  known("224.0.0.0/4", "reserved"),
  known("240.0.0.0/4", "reserved"),
  known("2001::/23", "reserved"),
  known("2001:db8::/32", "reserved"),
  known("2002::/16", "reserved"),
  known("3fff::/20", "reserved"),
  known("2000::/3", "public"),
  known("::/0", "reserved"),
  known("0.0.0.0/0", "public"),
];

/** Sorts an address by what it leads to; an IPv4 address inside an IPv6 one counts as itself. */
export function classifyAddress(address: Address): AddressKind {
  const subject = embeddedIpv4(address) ?? address;
  return ranges.find(({ range }) => isWithin(subject, range))?.kind ?? "reserved";
}

/** Reads `10.0.0.5`, `10.0.0.5:8080`, `10.0.0.0/8`, `[fd00::5]:443`, `fd00::/8`; `undefined` when it is none of these. */
export function parseAllowedAddress(text: string): AllowedAddress | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^/[\]]+?))(?:\/(\d{1,3}))?(?::(\d{1,5}))?$/.exec(text);
  const address = parseAddress(text) ?? parseAddress(parts?.[1] ?? parts?.[2] ?? "");
  if (address === undefined) return undefined;
  const isWhole = address.text === parseAddress(text)?.text;
  const bits = address.family === 4 ? 32 : 128;
  const prefixLength = isWhole || parts?.[3] === undefined ? bits : Number(parts[3]);
  const port = isWhole || parts?.[4] === undefined ? undefined : Number(parts[4]);
  if (prefixLength > bits || port === 0 || (port !== undefined && port > 65_535)) return undefined;
  return { bytes: address.bytes, prefixLength, port };
}

/** What {@link createAddressPolicy} is made from. */
export interface AddressPolicySettings {
  /** Of the user, for every session: addresses and ranges that the built-in list refuses. */
  readonly allowed?: readonly AllowedAddress[] | undefined;
  /** Ports of this machine that stay closed whatever is allowed: the daemon's and the proxy's own. */
  readonly closedPorts?: () => readonly number[];
  /** The addresses of this machine, asked for each check. Default: those of its interfaces, read at most once a second. */
  readonly ownAddresses?: () => ReadonlySet<string>;
}

/** One address that is about to be connected to. */
export interface AddressQuestion {
  readonly address: string;
  readonly port: number;
  /** Of the session, beside those of the settings. */
  readonly allowed?: readonly AllowedAddress[] | undefined;
  /** Refused whatever else holds. */
  readonly denied?: readonly AllowedAddress[] | undefined;
  /** Nothing is refused but what is denied and the closed ports. */
  readonly isUnconfined?: boolean | undefined;
}

/** Says which addresses are reached. */
export interface AddressPolicy {
  /** Why the address is not connected to; `undefined` = it may be. */
  check(question: AddressQuestion): Refusal | undefined;
  /** All that a name resolved to: one refused address refuses the name, so that nobody can choose among them. */
  checkAll(addresses: readonly string[], question: Omit<AddressQuestion, "address">): Refusal | undefined;
}

/**
 * A range opens private addresses alone. Loopback, link-local, metadata and this machine's own addresses are opened one by one, by an entry that names
 * the address itself; the daemon's and the proxy's ports of this machine never.
 */
export function createAddressPolicy(settings: AddressPolicySettings = {}): AddressPolicy {
  const ownAddresses = settings.ownAddresses ?? readOwnAddresses();
  const closedPorts = settings.closedPorts ?? ((): readonly number[] => []);
  const check = (question: AddressQuestion): Refusal | undefined => {
    const address = parseAddress(question.address);
    if (address === undefined) return denied(question.address, "not an address");
    const subject = embeddedIpv4(address) ?? address;
    const kind = ownAddresses().has(subject.text) ? "this-machine" : classifyAddress(subject);
    const isDenied = question.denied?.some((entry) => isWithin(subject, entry) && isSamePort(entry, question.port));
    if (isDenied === true) return denied(address.text, "denied for the session");
    if (kind === "public") return undefined;
    const isHere = kind === "this-machine" || kind === "loopback" || subject.bytes.every((byte) => byte === 0);
    if (isHere && closedPorts().includes(question.port)) return denied(address.text, "this machine's daemon");
    if (question.isUnconfined === true) return undefined;
    const allowed = [...(settings.allowed ?? []), ...(question.allowed ?? [])];
    return isAddressAllowed(subject, { kind, port: question.port, allowed }) ? undefined : denied(address.text, kind);
  };
  return {
    check,
    checkAll: (addresses, question) => {
      if (addresses.length === 0) {
        return refuse(502, "name-not-resolved", {
          message: "The name has no address",
          fix: "check the host's spelling and this machine's DNS",
        });
      }
      for (const address of addresses) {
        const refusal = check({ ...question, address });
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    },
  };
}

/** Whether an entry opens an address that is not public. */
export function isAddressAllowed(
  address: Address,
  question: { readonly kind: AddressKind; readonly port: number; readonly allowed: readonly AllowedAddress[] },
): boolean {
  return question.allowed.some((entry) => {
    if (!isSamePort(entry, question.port)) return false;
    const isExact = entry.prefixLength === entry.bytes.length * 8;
    return (isExact || question.kind === "private") && isWithin(address, entry);
  });
}

function isSamePort(entry: AllowedAddress, port: number): boolean {
  return entry.port === undefined || entry.port === port;
}

/** Whether the address is the entry's, or in its range. */
export function isWithin(address: Address, range: AllowedAddress): boolean {
  if (address.bytes.length !== range.bytes.length) return false;
  const whole = range.prefixLength >> 3;
  for (let index = 0; index < whole; index += 1) {
    if (address.bytes[index] !== range.bytes[index]) return false;
  }
  const rest = range.prefixLength & 7;
  if (rest === 0) return true;
  const mask = 0xff00 >> rest;
  return ((address.bytes[whole] ?? 0) & mask) === ((range.bytes[whole] ?? 0) & mask & 0xff);
}

function denied(address: string, kind: string): Refusal {
  return refuse(403, "address-denied", {
    message: `The address ${address} is not reached through the proxy (${kind})`,
    fix: `name the address itself when the session needs it: --allow ${address.includes(":") ? `[${address}]` : address}:PORT`,
  });
}

const ownAddressesFreshMs = 1000;

function readOwnAddresses(): () => ReadonlySet<string> {
  let readAt = Number.NEGATIVE_INFINITY;
  let addresses: ReadonlySet<string> = new Set();
  return () => {
    const now = performance.now();
    if (now - readAt > ownAddressesFreshMs) {
      readAt = now;
      const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
      addresses = new Set(all.flatMap(({ address }) => parseAddress(address.replace(/%.*$/, ""))?.text ?? []));
    }
    return addresses;
  };
}
