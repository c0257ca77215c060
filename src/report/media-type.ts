/** Media types of kept files by their names (https://www.iana.org/assignments/media-types); the bytes are not looked at. */
const byExtension: Readonly<Record<string, string>> = {
  csv: "text/csv",
  gif: "image/gif",
  gz: "application/gzip",
  htm: "text/html",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  log: "text/plain",
  md: "text/markdown",
  ndjson: "application/x-ndjson",
  pdf: "application/pdf",
  pem: "application/x-pem-file",
  png: "image/png",
  prom: "text/plain",
  sql: "application/sql",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  webp: "image/webp",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
  zst: "application/zstd",
};

/** `application/octet-stream` for a name that says nothing (RFC 2046, 4.5.1). */
export function mediaTypeOf(name: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(byExtension, extension) ? (byExtension[extension] as string) : "application/octet-stream";
}
