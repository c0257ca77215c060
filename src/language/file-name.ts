/** `runbooks/restore-drill.yaml` → `restore-drill`. */
export function nameOfFile(file: string): string {
  return file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1).replace(/\.ya?ml$/, "");
}
