export type Environment = Readonly<Record<string, string | undefined>>

export interface SubstitutionFault {
  /** The reference as it stands in the file. */
  readonly reference: string
  readonly message: string
  readonly suggestion: string
}

export interface Substitution {
  readonly value: string
  /** A variable or an escape was replaced. */
  readonly isChanged: boolean
  readonly faults: readonly SubstitutionFault[]
}

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g
const BODY = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s

/**
 * Replaces `${NAME}` and `${NAME:-default}` (the default also stands in for an empty variable, as in a shell); `$${` gives
 * `${` itself. What was put in is not looked at again, so a value can't reach further variables.
 */
export function substitute(text: string, environment: Environment): Substitution {
  const faults: SubstitutionFault[] = []
  const value = text.replace(REFERENCE, (reference: string, body: string | undefined, close: string | undefined) => {
    if (reference === '$${') return '${'
    const match = close === '}' ? BODY.exec(body ?? '') : null
    if (match === null) {
      faults.push({
        reference,
        message: `"${reference}" is no variable reference`,
        suggestion: `write \${NAME} or \${NAME:-default}, or $\${ for the characters themselves`,
      })
      return reference
    }
    const name = match[1] ?? ''
    const found = environment[name]
    const fallback = match[2]
    if (found !== undefined && (found !== '' || fallback === undefined)) return found
    if (fallback !== undefined) return fallback
    faults.push({
      reference,
      message: `environment variable ${name} is not set`,
      suggestion: `set ${name}, or give a default: \${${name}:-value}`,
    })
    return reference
  })
  return { value, isChanged: value !== text, faults }
}

/**
 * An unquoted scalar that came out of a substitution gets the type it would have had in the file: `${MAX}` with 100 is a
 * number. Only numbers and booleans, so that a variable can't bring in structure.
 */
export function retype(value: string): string | number | boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  return /^[-+]?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(value) ? Number(value) : value
}
