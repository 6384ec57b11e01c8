import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate, type KeyObject } from "node:crypto";

import { certificatePem, commonName, extensions, keyIdentifier, signCertificate } from "./certificate-parts.ts";

const dayMs = 24 * 60 * 60 * 1000;
const lifetimeMs = 3650 * dayMs;
const subjectPrefix = "clauderon proxy CA ";

/** A certificate authority of this machine: signs the leaves that clients inside sandboxes see. */
export interface Authority {
  /** Names it in records; part of its subject. */
  readonly id: string;
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
  /** DER of its name, and its key identifier: what every leaf repeats. */
  readonly issuer: Uint8Array;
  readonly keyIdentifier: Uint8Array;
}

/** Makes an authority; nothing is written. Backdated by a day, for clocks that are off. */
export function createAuthority(now: Date): Authority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = randomBytes(4).toString("hex");
  const name = commonName(subjectPrefix + id);
  const identifier = keyIdentifier(publicKey);
  const bytes = signCertificate(
    {
      issuer: name,
      subject: name,
      notBefore: new Date(now.getTime() - dayMs),
      notAfter: new Date(now.getTime() + lifetimeMs),
      publicKey,
      extensions: [
        extensions.authority(),
        extensions.signsCertificates(),
        extensions.subjectKey(identifier),
        extensions.authorityKey(identifier),
      ],
    },
    privateKey,
  );
  return authorityOf(certificatePem(bytes), privateKey);
}

function authorityOf(pem: string, privateKey: KeyObject): Authority {
  const certificate = new X509Certificate(pem);
  const id = certificate.subject.replace(`CN=${subjectPrefix}`, "");
  return {
    id,
    certificate,
    certificatePem: pem,
    privateKey,
    issuer: commonName(subjectPrefix + id),
    keyIdentifier: keyIdentifier(certificate.publicKey),
  };
}

/** The key and the certificate, as they are kept: one text, so that one write replaces both. */
export function authorityText(authority: Authority): string {
  return authority.privateKey.export({ type: "pkcs8", format: "pem" }).toString() + authority.certificatePem;
}

const pairPattern =
  /(?<key>-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n)(?<certificate>-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n)/uy;

/** Reads what `authorityText` wrote, one after the other; a text with anything else in it, or a broken pair, is answered with the reason. */
export function parseAuthorities(text: string, now: Date): readonly Authority[] | { readonly reason: string } {
  const authorities: Authority[] = [];
  pairPattern.lastIndex = 0;
  for (let read = 0; read < text.length; read = pairPattern.lastIndex) {
    const groups = pairPattern.exec(text)?.groups;
    if (groups === undefined) return { reason: "it is cut off, or holds something else" };
    const { key = "", certificate = "" } = groups;
    const authority = readPair(key, certificate);
    if ("reason" in authority) return authority;
    const reason = unusableReason(authority, now);
    if (reason !== undefined && authorities.length === 0) return { reason };
    if (reason === undefined) authorities.push(authority);
  }
  return authorities.length === 0 ? { reason: "it is empty" } : authorities;
}

function readPair(key: string, certificate: string): Authority | { readonly reason: string } {
  try {
    return authorityOf(certificate, createPrivateKey(key));
  } catch {
    // The reason of the library names bytes, not what to do.
    return { reason: "its key or certificate cannot be read" };
  }
}

function unusableReason({ certificate, privateKey }: Authority, now: Date): string | undefined {
  if (privateKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") return "its key is not an ECDSA P-256 key";
  if (!certificate.checkPrivateKey(privateKey)) return "its key does not belong to its certificate";
  if (!certificate.ca || !certificate.verify(certificate.publicKey)) return "its certificate is not an authority's";
  if (certificate.validToDate <= now) return `its certificate expired on ${certificate.validToDate.toISOString()}`;
  if (certificate.validFromDate > now)
    return `its certificate is valid from ${certificate.validFromDate.toISOString()} only: the clock may be wrong`;
  return undefined;
}
