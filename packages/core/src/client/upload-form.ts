import type { UploadFile } from "../contract/upload.ts";

/** A form with one file (RFC 7578), its name written as browsers do. */
export function uploadForm({ name, content }: UploadFile): { readonly type: string; readonly bytes: Uint8Array } {
  const boundary = `clauderon-${crypto.randomUUID()}`;
  const written = name.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="file"; filename="${written}"`,
    "Content-Type: application/octet-stream",
    "\r\n",
  ].join("\r\n");
  const bytes = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { type: `multipart/form-data; boundary=${boundary}`, bytes };
}
