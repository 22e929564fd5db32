const MAX_NAME_BYTES = 255

/** Names of members and sets come from the network and go into logs, labels and pages. */
export function isListable(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= MAX_NAME_BYTES && !/[\s\p{C}]/u.test(name)
}

/** For sentences. */
export function quoteName(name: string): string {
  return isListable(name) ? `"${name}"` : 'with a malformed name'
}
