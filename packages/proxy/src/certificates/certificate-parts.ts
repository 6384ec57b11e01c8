import { Buffer } from "node:buffer";
import { createHash, randomBytes, sign, type KeyObject } from "node:crypto";

import { der } from "./der-writer.ts";

const identifiers = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuthentication: "1.3.6.1.5.5.7.3.1",
} as const;

const signatureAlgorithm = der.sequence(der.objectIdentifier(identifiers.ecdsaWithSha256));
const serialBytes = 16;
const uncompressedPointBytes = 65;

/** What a certificate says. */
export interface CertificateContent {
  /** DER of the names; an empty subject is `emptyName`. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Uint8Array[];
}

/** A name of one attribute. */
export function commonName(text: string): Buffer {
  const attribute = der.sequence(der.objectIdentifier(identifiers.commonName), der.utf8String(text));
  return der.sequence(der.set(attribute));
}

export const emptyName: Buffer = der.sequence();

function extension(identifier: string, content: Uint8Array, isCritical = false): Buffer {
  const critical = isCritical ? [der.boolean(true)] : [];
  return der.sequence(der.objectIdentifier(identifier), ...critical, der.octetString(content));
}

/** Identifies a P-256 key: SHA-1 of its point (RFC 5280 §4.2.1.2, method 1). */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: "spki", format: "der" }).subarray(-uncompressedPointBytes);
  return createHash("sha1").update(point).digest();
}

export const extensions = {
  /** Signs leaves, no further authorities. */
  authority: (): Buffer =>
    extension(identifiers.basicConstraints, der.sequence(der.boolean(true), der.integer(0)), true),
  notAuthority: (): Buffer => extension(identifiers.basicConstraints, der.sequence(), true),
  /** keyCertSign and cRLSign. */
  signsCertificates: (): Buffer => extension(identifiers.keyUsage, der.bitString(Buffer.of(0b0000_0110), 1), true),
  digitalSignature: (): Buffer => extension(identifiers.keyUsage, der.bitString(Buffer.of(0b1000_0000), 7), true),
  serverAuthentication: (): Buffer =>
    extension(identifiers.extendedKeyUsage, der.sequence(der.objectIdentifier(identifiers.serverAuthentication))),
  subjectKey: (identifier: Uint8Array): Buffer =>
    extension(identifiers.subjectKeyIdentifier, der.octetString(identifier)),
  authorityKey: (identifier: Uint8Array): Buffer =>
    extension(identifiers.authorityKeyIdentifier, der.sequence(der.implicit(0, identifier))),
  /** Critical, as a certificate without a subject needs it (RFC 5280 §4.2.1.6). */
  onlyDnsName: (name: string): Buffer =>
    extension(identifiers.subjectAlternativeName, der.sequence(der.implicit(2, Buffer.from(name, "latin1"))), true),
  onlyAddress: (address: Uint8Array): Buffer =>
    extension(identifiers.subjectAlternativeName, der.sequence(der.implicit(7, address)), true),
} as const;

function serialNumber(): Buffer {
  const bytes = randomBytes(serialBytes);
  // Positive and of full length: neither sign bit nor leading zeros.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** A certificate (X.509 version 3), signed with an ECDSA P-256 key. */
export function signCertificate(content: CertificateContent, signingKey: KeyObject): Buffer {
  const body = der.sequence(
    der.explicit(0, der.integer(2)),
    der.integer(serialNumber()),
    signatureAlgorithm,
    content.issuer,
    der.sequence(der.time(content.notBefore), der.time(content.notAfter)),
    content.subject,
    content.publicKey.export({ type: "spki", format: "der" }),
    der.explicit(3, der.sequence(...content.extensions)),
  );
  return der.sequence(body, signatureAlgorithm, der.bitString(sign("sha256", body, signingKey)));
}

/** PEM of DER bytes. */
export function certificatePem(bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/gu) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
