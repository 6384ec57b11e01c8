import { Buffer } from "node:buffer";
import { createHmac, randomBytes, X509Certificate } from "node:crypto";

import { der } from "./der-writer.ts";

const identifiers = {
  data: "1.2.840.113549.1.7.1",
  certificateBag: "1.2.840.113549.1.12.10.1.3",
  x509Certificate: "1.2.840.113549.1.9.22.1",
  friendlyName: "1.2.840.113549.1.9.20",
  /** Java takes a certificate for trusted only with this attribute. */
  trustedKeyUsage: "2.16.840.1.113894.746875.1.1",
  anyExtendedKeyUsage: "2.5.29.37.0",
  sha1: "1.3.14.3.2.26",
} as const;

/** The password that Java's own trust store has; it guards nothing, the certificates are public. */
export const trustStorePassword = "changeit";
const iterations = 2048;
const macKeyPurpose = 3;
const sha1Bytes = 20;

/** A PKCS#12 trust store of the certificates (PEM), for `javax.net.ssl.trustStore`. */
export async function javaTrustStore(certificates: readonly string[]): Promise<Buffer> {
  const bags = certificates.map((pem, index) => certificateBag(new X509Certificate(pem).raw, `ca-${index}`));
  const contents = der.sequence(dataContent(der.sequence(...bags)));
  const salt = randomBytes(8);
  // Java reads SHA-1 here in every version; the check only tells a damaged file.
  const { default: forge } = await import("node-forge");
  const key = forge.pkcs12.generateKey(
    trustStorePassword,
    forge.util.createBuffer(salt.toString("latin1")),
    macKeyPurpose,
    iterations,
    sha1Bytes,
  );
  const mac = createHmac("sha1", Buffer.from(key.getBytes(), "latin1")).update(contents).digest();
  const digest = der.sequence(der.sequence(der.objectIdentifier(identifiers.sha1), der.null()), der.octetString(mac));
  const macData = der.sequence(
    digest,
    der.octetString(salt),
    der.integer(Buffer.of(iterations >> 8, iterations & 255)),
  );
  return der.sequence(der.integer(3), dataContent(contents), macData);
}

function dataContent(content: Uint8Array): Buffer {
  return der.sequence(der.objectIdentifier(identifiers.data), der.explicit(0, der.octetString(content)));
}

function certificateBag(certificate: Uint8Array, alias: string): Buffer {
  return der.sequence(
    der.objectIdentifier(identifiers.certificateBag),
    der.explicit(
      0,
      der.sequence(der.objectIdentifier(identifiers.x509Certificate), der.explicit(0, der.octetString(certificate))),
    ),
    der.set(
      attribute(identifiers.friendlyName, der.bmpString(alias)),
      attribute(identifiers.trustedKeyUsage, der.objectIdentifier(identifiers.anyExtendedKeyUsage)),
    ),
  );
}

function attribute(identifier: string, value: Uint8Array): Buffer {
  return der.sequence(der.objectIdentifier(identifier), der.set(value));
}
