import { ConfigError, type ConfigProblem, formatProblem, OplensError } from '../core/errors.js'

export const EXIT_OK = 0
export const EXIT_FAILURE = 1
/** Bad usage or a bad config: nothing was started. */
export const EXIT_USAGE = 2

/** The command line asks for something that can't be; `message` is shown as it stands. */
export const usageError = (message: string): OplensError =>
  new OplensError(message, { code: 'OPL_USAGE', origin: 'config' })

/** A problem of a flag has no line to show, nor a path that its user ever wrote. */
export function problemLine(problem: ConfigProblem): string {
  if (!problem.file.startsWith('--')) return formatProblem(problem)
  return `${problem.file}: ${problem.message}${problem.suggestion === '' ? '' : ` (${problem.suggestion})`}`
}

export const countProblems = (count: number): string => `${count} ${count === 1 ? 'problem' : 'problems'}`

const WHAT_TO_DO: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: stop it, or choose another port',
  EACCES: 'this user may not bind it: choose a port above 1023, or a path that may be written',
  EADDRNOTAVAIL: 'this machine has no such address: use 127.0.0.1, or 0.0.0.0 for all',
  ENOTFOUND: 'the host name does not resolve: use an IP address',
  ENOENT: 'the folder of the socket does not exist: make it',
}

/** Why the proxy did not start, on one line: what, why, and what to do. `where` is how the address can be changed here. */
export function startError(cause: unknown, where: string): OplensError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const advice = WHAT_TO_DO[systemCode(cause)]
  const text = advice === undefined ? message : `${message} (${advice} with ${where})`
  return new OplensError(text, { code: 'OPL_START', origin: 'proxy', cause })
}

/** The operating system's code, wherever in the chain of causes it is. */
function systemCode(error: unknown): string {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth++) {
    const code = 'code' in cause ? String(cause.code) : ''
    if (/^E[A-Z]+$/.test(code)) return code
  }
  return ''
}

/** The code of the error that began it: `OPL_START` alone would say little. */
function rootCode(error: OplensError): string {
  return error.cause instanceof OplensError ? rootCode(error.cause) : error.code
}

/** What the user reads when a command ended with an error, and the exit code. */
export function explain(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof ConfigError) {
    const lines = error.problems.map(problemLine)
    const text = [...lines, `${countProblems(lines.length)}; nothing was started`].join('\n')
    return { text, exitCode: EXIT_USAGE }
  }
  if (error instanceof OplensError) {
    const isUsage = error.code === 'OPL_USAGE'
    const code = isUsage ? '' : ` [${rootCode(error)}]`
    return { text: `oplens: ${error.message}${code}`, exitCode: isUsage ? EXIT_USAGE : EXIT_FAILURE }
  }
  // Nobody foresaw it: the stack is the only thing that helps whoever gets the report.
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { text: `oplens: unexpected error: ${text}`, exitCode: EXIT_FAILURE }
}
