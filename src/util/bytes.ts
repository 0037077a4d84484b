/** Bytes in powers of ten: `120 B`, `950 kB`, `412 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 999.5) return `${Math.round(bytes)} B`;
  if (bytes < 999.5e3) return `${Math.round(bytes / 1e3)} kB`;
  if (bytes < 999.5e6) return `${Math.round(bytes / 1e6)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
