import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { isIP } from "node:net";

import { addressBytes } from "./address-bytes.ts";
import type { Authority } from "./authority.ts";
import { certificatePem, emptyName, extensions, signCertificate } from "./certificate-parts.ts";

const hourMs = 60 * 60 * 1000;
/** A day and an hour: a client whose clock is a day late still takes the leaf. */
const backdateMs = 25 * hourMs;
const lifetimeMs = 7 * 24 * hourMs;

export interface Leaf {
  readonly certificatePem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The key of all leaves of this process; whoever could steal it from memory has the authority's key, too. */
export interface LeafKey {
  readonly publicKey: KeyObject;
  readonly privateKeyPem: string;
}

export function createLeafKey(): LeafKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { publicKey, privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

export interface LeafRequest {
  /** In canonical form: a lower-case A-label name, or an address without brackets. */
  readonly host: string;
  readonly key: LeafKey;
  readonly now: Date;
}

/** A server certificate for one host, for a week. */
export function mintLeaf(authority: Authority, { host, key, now }: LeafRequest): Leaf {
  const notBefore = new Date(Math.max(now.getTime() - backdateMs, authority.certificate.validFromDate.getTime()));
  const notAfter = new Date(
    Math.min(now.getTime() - backdateMs + lifetimeMs, authority.certificate.validToDate.getTime()),
  );
  const bytes = signCertificate(
    {
      issuer: authority.issuer,
      subject: emptyName,
      notBefore,
      notAfter,
      publicKey: key.publicKey,
      extensions: [
        extensions.notAuthority(),
        extensions.digitalSignature(),
        extensions.serverAuthentication(),
        isIP(host) === 0 ? extensions.onlyDnsName(host) : extensions.onlyAddress(addressBytes(host)),
        extensions.authorityKey(authority.keyIdentifier),
      ],
    },
    authority.privateKey,
  );
  return { certificatePem: certificatePem(bytes), notBefore, notAfter };
}
