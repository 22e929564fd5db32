const MAX_NAME = 253
/** RFC 6335, section 5.1, but for the 15 characters: with its underscore it must fit a DNS label of 63. */
const MAX_SERVICE = 62

/** A DNS name in lower case, without a dot at its end; undefined for what is none, IP addresses included. */
export function parseDnsName(text: string): string | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase()
  const labels = name.split('.')
  // No top-level domain is a number: what ends in one is an IPv4 address.
  if (name.length > MAX_NAME || /^\d+$/.test(labels.at(-1) ?? '')) return undefined
  return labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label)) ? name : undefined
}

/** The name of a service as its SRV records carry it, without the underscore. */
export function isServiceName(text: string): boolean {
  return text.length <= MAX_SERVICE && /^(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/i.test(text)
}
